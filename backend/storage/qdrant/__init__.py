"""The search index on Qdrant: embedded (`edge.py`) or through its client (`client.py`), one behavior."""
