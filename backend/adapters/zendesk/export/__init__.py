"""Zendesk's JSON account export: files of one JSON object a line, tickets with their comments."""
