"""Migrations on PostgreSQL: up, down and up again, no drift, two starts at once, as an owner who is not the application."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from backend.core.errors import AppError, Code
from backend.storage.sql.engine import downgrade, newest_revision, upgrade
from backend.storage.sql.months import is_ours
from backend.storage.sql.postgres import revision, role, single_engine
from backend.storage.sql.schema import metadata
from tests.support.postgres import OWNER, PostgresDatabase, SharedPostgres, database_at, make_database

_VERSIONS = Path(__file__).parents[3] / "migrations" / "versions"
_SCHEMA = """
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL SELECT tablename || ' ' || policyname || ' ' || cmd || coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies
UNION ALL SELECT relname || ' ' || relrowsecurity || relforcerowsecurity FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
ORDER BY 1
"""
_NOTING = """
CREATE TABLE public.noted (revision text, lock_timeout text, statement_timeout text);
CREATE FUNCTION public.note_limits() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  revision text;
BEGIN
  IF to_regclass('public.alembic_version') IS NOT NULL THEN
    SELECT version_num FROM public.alembic_version INTO revision;
  END IF;
  INSERT INTO public.noted VALUES (revision, current_setting('lock_timeout'), current_setting('statement_timeout'));
END $$;
CREATE EVENT TRIGGER noting ON ddl_command_start EXECUTE FUNCTION public.note_limits();
"""
"""Of every order that changes the schema: at which revision it came, and how long it might wait and take."""
_NOTED = "SELECT DISTINCT revision, lock_timeout, statement_timeout FROM noted ORDER BY revision NULLS FIRST"


@pytest.fixture
async def bare(postgres_server: SharedPostgres) -> AsyncIterator[PostgresDatabase]:
    """A database without tables."""
    name = f"desklore_bare_{secrets.token_hex(4)}"
    await make_database(postgres_server.admin_url, name)
    yield database_at(postgres_server.admin_url, name)
    connection = await asyncpg.connect(postgres_server.admin_url)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def schema(database: PostgresDatabase) -> list[str]:
    connection = await asyncpg.connect(database.admin_url)
    try:
        return [row[0] for row in await connection.fetch(_SCHEMA)]
    finally:
        await connection.close()


async def differences(database: PostgresDatabase) -> list[object]:
    """What `alembic check` would find between the tables there and those in the code."""

    def compare(connection: Connection) -> list[object]:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_ours}), metadata)
        )

    engine = single_engine(database.owner_url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()


async def test_up_down_and_up_again(bare: PostgresDatabase) -> None:
    assert await revision(bare.url) is None
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    first = await schema(bare)
    assert first
    assert await differences(bare) == []
    assert await revision(bare.url) == newest_revision()
    await asyncio.to_thread(downgrade, bare.owner_url, "base")
    assert await schema(bare) == []
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    assert await schema(bare) == first


async def test_two_processes_that_start_at_once_both_find_the_tables(bare: PostgresDatabase) -> None:
    code = "import sys; from backend.storage.sql.engine import upgrade; upgrade(*sys.argv[1:])"
    command = [sys.executable, "-c", code, bare.url, bare.owner_url]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [await asyncio.to_thread(process.wait, 60) for process in both] == [0, 0]
    assert await differences(bare) == []


async def test_a_migration_gives_up_behind_a_busy_table(bare: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    connection = await asyncpg.connect(bare.admin_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE documents IN ACCESS SHARE MODE")
            with pytest.raises(AppError) as refused:
                await asyncio.to_thread(downgrade, bare.owner_url, "base")
        assert refused.value.code is Code.STORAGE_UNAVAILABLE
        assert "held" in refused.value.message
    finally:
        await connection.close()
    assert await revision(bare.url) == newest_revision(), "nothing was changed"


async def test_every_order_of_every_migration_is_limited(bare: PostgresDatabase) -> None:
    revisions = sorted(path.name[:4] for path in _VERSIONS.glob("[0-9]*.py"))
    connection = await asyncpg.connect(bare.admin_url)
    try:
        await connection.execute(_NOTING)
        await asyncio.to_thread(upgrade, bare.owner_url)
        up = await connection.fetch(_NOTED)
        await connection.execute("DELETE FROM noted")
        await asyncio.to_thread(downgrade, bare.owner_url, "base")
        down = await connection.fetch(_NOTED)
    finally:
        await connection.close()
    # 0009 and 0011 move the rows of years, 0014 fills columns of them.
    assert [tuple(row) for row in up] == _limited([None, *revisions[:-1]], moving=("0008", "0010", "0013"))
    assert [tuple(row) for row in down] == _limited(revisions, moving=("0009", "0011"))


def _limited(revisions: Sequence[str | None], moving: Sequence[str]) -> list[tuple[str | None, str, str]]:
    return [(revision, "5s", "15min" if revision in moving else "1min") for revision in revisions]


async def test_the_application_may_not_migrate_and_is_told_what_to_do(bare: PostgresDatabase) -> None:
    with pytest.raises(AppError) as refused:
        await asyncio.to_thread(upgrade, bare.url)
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert "DESKLORE_DATABASE_MIGRATION_URL" in refused.value.message


async def test_the_roles_are_told_apart(postgres: PostgresDatabase) -> None:
    assert not (await role(postgres.url)).above_row_security
    assert (await role(postgres.owner_url)).name == OWNER
    assert (await role(postgres.admin_url)).above_row_security
