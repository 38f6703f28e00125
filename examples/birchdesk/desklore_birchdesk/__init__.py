"""Birchdesk as a source of Desklore.

adapter    the entry point: which addresses are Birchdesk's, and how a Source is opened
  source   the port, put together from what follows
    client       endpoints and paging: path in, the vendor's own answers out
    walk         where a stream of changes stands
    payloads     the shapes of those answers, and what they are in Desklore's words
    verify       what a token may read
    errors       what refusals mean, and how calls are counted
"""
