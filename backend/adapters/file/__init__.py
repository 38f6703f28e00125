"""Files as a source of text."""
