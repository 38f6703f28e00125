"""Migrations go up, down and up again, leave what the code expects, and cost nothing when there is nothing to do."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from backend.core.errors import AppError, Code
from backend.storage.sql.engine import downgrade, newest_revision, upgrade
from backend.storage.sql.schema import metadata

MIGRATIONS = Path(__file__).parents[3] / "migrations"


def differences(path: Path) -> list[object]:
    """What `alembic check` would find between the tables in the file and those in the code."""
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))
    finally:
        engine.dispose()


def schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version' ORDER BY name")
        return [row[0] for row in rows]


def test_up_down_and_up_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    url = f"sqlite+aiosqlite:///{path}"
    upgrade(url)
    first = schema(path)
    assert differences(path) == []
    downgrade(url, "base")
    assert schema(path) == []
    upgrade(url)
    assert schema(path) == first


def test_audit_entries_of_the_release_before_are_found_by_who_and_what(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    url = f"sqlite+aiosqlite:///{path}"
    upgrade(url)
    downgrade(url, "0013")
    with closing(sqlite3.connect(path)) as connection:
        body = '{"actor": "token:김상담", "action": "key.create"}'
        connection.execute("INSERT INTO audit (company_id, entry_id, at, body) VALUES ('acme', 'e', '2026-03-01', ?)", [body])
        connection.commit()
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT actor, action FROM audit").fetchall() == [("token:김상담", "key.create")]


def test_a_new_file_has_its_write_ahead_log_before_anybody_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA page_size").fetchone() == (8192,)


def test_the_newest_revision_is_told_by_file_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [newest_revision()]
    for revision in script.walk_revisions():
        assert Path(revision.path).name.startswith(f"{revision.revision}_"), "files are named NNNN_what.py"


def test_a_current_database_is_not_touched_and_needs_no_migration_tool(url: str) -> None:
    check = "import sys; from backend.storage.sql.engine import upgrade; upgrade(sys.argv[1]); sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", check, url], check=True)


def test_two_processes_that_start_at_once_both_find_the_tables(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"
    code = "import sys; from backend.storage.sql.engine import upgrade; upgrade(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert differences(tmp_path / "a.db") == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(AppError) as refused:
        upgrade(f"sqlite+aiosqlite:///{path}")
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    (tmp_path / "file").write_text("x")
    with pytest.raises(AppError) as refused:
        upgrade(f"sqlite+aiosqlite:///{tmp_path}/file/a.db")
    assert refused.value.code is Code.STORAGE_UNAVAILABLE


def test_postgresql_can_follow_with_the_same_tables() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects have no types
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    made += [str(CreateIndex(index).compile(dialect=dialect)) for table in metadata.sorted_tables for index in table.indexes]
    assert any("JSONB" in line for line in made)
    assert any("TIMESTAMP WITH TIME ZONE" in line for line in made)
    assert any("WHERE state IN ('queued', 'running', 'waiting')" in line for line in made)
    assert max(len(str(index.name)) for table in metadata.sorted_tables for index in table.indexes) <= 63
