"""Which database the settings name, and what is told where they can't be right."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from backend.observability.logging import forget_secrets, mask
from backend.settings import Settings, StorageType
from backend.storage.sql.postgres import dsn, is_postgres
from backend.storage.sql.prepare import addresses

URL = "postgresql://app:p%40ss-word-1@db:5432/desklore?sslmode=require"


def made(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def test_a_file_is_the_default(tmp_path: Path) -> None:
    assert addresses(made(data_dir=tmp_path)) == (f"sqlite+aiosqlite:///{tmp_path}/desklore.db", None)
    assert addresses(made(data_dir=tmp_path, database_url=URL))[0].startswith("sqlite"), "the type decides, not the address"


def test_postgresql_needs_an_address() -> None:
    with pytest.raises(ValidationError, match="DESKLORE_DATABASE_URL, such as postgresql://"):
        made(storage_type=StorageType.POSTGRESQL)


@pytest.mark.parametrize("name", ["database_url", "database_migration_url"])
def test_another_database_is_refused_without_showing_the_address(name: str) -> None:
    with pytest.raises(ValidationError, match="must begin with postgresql://") as refused:
        made(storage_type=StorageType.POSTGRESQL, **{"database_url": URL, name: "mysql://app:top-secret@db/desklore"})
    assert "top-secret" not in str(refused.value)
    assert "p%40ss" not in str(refused.value)


def test_passwords_are_masked_in_logs_once_they_are_used() -> None:
    try:
        url, owner = addresses(
            made(
                storage_type=StorageType.POSTGRESQL, database_url=URL, database_migration_url="postgresql://owner:other-pass-2@db/desklore"
            )
        )
        assert (url, owner) == (URL, "postgresql://owner:other-pass-2@db/desklore")
        line = mask("could not connect with p@ss-word-1, p%40ss-word-1 or other-pass-2")
        assert "pass-2" not in line
        assert "ss-word" not in line
    finally:
        forget_secrets()


def test_both_spellings_of_an_address_are_one() -> None:
    assert is_postgres(URL)
    assert is_postgres("postgresql+asyncpg://db/x")
    assert not is_postgres("sqlite+aiosqlite:///x")
    assert dsn("postgresql+asyncpg://app@db/x?host=/run") == "postgresql://app@db/x?host=/run"
