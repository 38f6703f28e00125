"""The prompts: one module for each, and the fence around texts that are data."""
