"""Desklore: a support team's history, normalized, summarized, searchable and cited."""
