"""Databases with all tables: SQLite in a folder of its own, and PostgreSQL."""

from pathlib import Path

import pytest

from backend.storage.sql.engine import upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Address of a SQLite database with all tables and no rows."""
    address = f"sqlite+aiosqlite:///{tmp_path / 'data' / '데스크로어 100%.db'}"
    upgrade(address)
    return address
