"""A SQLite database with all tables, in a folder of its own."""

from pathlib import Path

import pytest

from backend.storage.sql.engine import upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Address of a database with all tables and no rows."""
    address = f"sqlite+aiosqlite:///{tmp_path / 'data' / '데스크로어 100%.db'}"
    upgrade(address)
    return address
