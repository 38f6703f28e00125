"""The order of the stages, and nothing else knows it.

`take`: collect -> attachments -> merge -> store, with the cursor in the same transaction;
`process`: claim -> summarize -> embed -> index -> finish. The store is between the two, so either may be killed at any point.
"""
