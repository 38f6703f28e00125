"""Account budgets of one process: see docs/decisions/0009-account-budget.md.

account      who may call now: lanes, turns, the pause a vendor asked for
bucket       one quota of a vendor, learned from its answers, and how it is paced
concurrency  how many calls run at once
lines        those who wait, in their order
"""
