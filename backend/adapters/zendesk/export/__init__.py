"""Zendesk's account export: files of one JSON object a line, or XML; tickets with their comments."""
