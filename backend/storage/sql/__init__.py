"""Records in SQLite or PostgreSQL, by SQLAlchemy: one file per noun, and `unit_of_work.py` that holds them together."""
