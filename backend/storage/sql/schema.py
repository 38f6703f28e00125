"""All tables of all modules: whoever makes, compares or copies a database takes `metadata` from here."""

from backend.storage.sql import tables, tables_asked, tables_judged
from backend.storage.sql.columns import metadata

__all__ = ["metadata", "tables", "tables_asked", "tables_judged"]
