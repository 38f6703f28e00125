"""Freshdesk's account export: a zip of `Tickets0.json`, `Users0.json` and so on, or the same as XML."""
