"""Row-level security: what a raw SQL session as the application's role sees and writes, whatever it asks for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from backend.core.errors import AppError, Code
from backend.core.model.job import Job
from backend.settings import Environment, Settings, StorageType
from backend.storage.sql.prepare import prepare
from backend.storage.sql.schema import metadata
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import Records, audit_entry
from tests.contract.test_stores import fill
from tests.support.postgres import PostgresDatabase, database_at

TABLES = [table.name for table in metadata.sorted_tables]
OPERATOR_READS = {"tenants", "api_keys", "connections", "runs"}


async def forget(_jobs: Sequence[Job]) -> None:
    return None


@pytest.fixture
async def filled(postgres: PostgresDatabase) -> PostgresDatabase:
    """Two tenants with a row of everything, and an operator's entry in the audit log."""
    database = SqlDatabase(postgres.url, forget)
    records = Records(database)
    await records.add_tenants("acme", "other")
    for company in ("acme", "other"):
        await fill(records, company)
    async with database.directory() as directory:
        await directory.audit(audit_entry())
    await database.close()
    return postgres


@pytest.fixture
async def session(filled: PostgresDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A raw session as the application's role."""
    connection = await asyncpg.connect(filled.url)
    yield connection
    await connection.close()


async def seen(session: asyncpg.Connection) -> dict[str, set[str]]:
    """company_ids of the rows of each table."""
    return {table: {row[0] for row in await session.fetch(f"SELECT company_id FROM {table}")} for table in TABLES}


async def act_for(session: asyncpg.Connection, company_id: str) -> None:
    await session.execute("SELECT set_config('app.company_id', $1, true)", company_id)


async def test_every_table_forces_it(session: asyncpg.Connection) -> None:
    query = (
        "SELECT relname, relispartition, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class "
        "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
    )
    found = await session.fetch(query)
    assert {row["relname"] for row in found if not row["relispartition"]} == set(TABLES)
    assert [row["relname"] for row in found if not row["forced"]] == []


async def test_a_session_without_a_tenant_sees_and_writes_nothing(session: asyncpg.Connection) -> None:
    assert set().union(*(await seen(session)).values()) == set()
    for table in TABLES:
        assert await session.execute(f"UPDATE {table} SET company_id = company_id") == "UPDATE 0"
        assert await session.execute(f"DELETE FROM {table}") == "DELETE 0"
        with pytest.raises(asyncpg.PostgresError, match="row-level security"):
            await copy_of(session, table, "acme")


async def test_a_tenant_sees_its_own_rows_only(session: asyncpg.Connection) -> None:
    for company in ("acme", "other"):
        async with session.transaction():
            await act_for(session, company)
            assert await seen(session) == {table: {company} for table in TABLES}
    assert set().union(*(await seen(session)).values()) == set(), "the setting ended with the transaction"


async def test_a_tenant_writes_its_own_rows_only(session: asyncpg.Connection, filled: PostgresDatabase) -> None:
    before = await everything(filled, "other")
    async with session.transaction():
        await act_for(session, "acme")
        for table in TABLES:
            assert await session.execute(f"UPDATE {table} SET company_id = company_id WHERE company_id = 'other'") == "UPDATE 0"
            assert await session.execute(f"DELETE FROM {table} WHERE company_id = 'other'") == "DELETE 0"
        assert await session.execute("UPDATE tenants SET company_id = 'new'") == "UPDATE 0", "its own entry it may only read"
    for table in TABLES:
        with pytest.raises(asyncpg.PostgresError, match="row-level security"):
            await copy_of(session, table, "other")
    for table in set(TABLES) - {"tenants"}:
        with pytest.raises(asyncpg.PostgresError, match="row-level security"):
            await hand_over(session, table)
    assert await everything(filled, "other") == before


async def copy_of(session: asyncpg.Connection, table: str, company: str) -> None:
    """Try to insert a row for the company, as the tenant acme."""
    columns = metadata.tables[table].columns
    values = ", ".join(_value(str(column.type), column.name, company) for column in columns)
    async with session.transaction():
        if company == "other":
            await act_for(session, "acme")
        names = ", ".join(f'"{column.name}"' for column in columns)
        await session.execute(f"INSERT INTO {table} ({names}) VALUES ({values})")


def _value(kind: str, name: str, company: str) -> str:
    if name == "company_id":
        return f"'{company}'"
    for mark, value in (("JSON", "'{}'"), ("INT", "1"), ("FLOAT", "1"), ("BLOB", "'x'"), ("DATE", "now()"), ("TIME", "now()")):
        if mark in kind.upper():
            return value
    return "'new'"


async def hand_over(session: asyncpg.Connection, table: str) -> None:
    """Try to give acme's own rows to the other tenant."""
    async with session.transaction():
        await act_for(session, "acme")
        await session.execute(f"UPDATE {table} SET company_id = 'other'")


async def everything(database: PostgresDatabase, company: str) -> list[str]:
    connection = await asyncpg.connect(database.admin_url)
    try:
        queries = [f"SELECT '{table}' || t::text FROM {table} t WHERE company_id = '{company}'" for table in TABLES]
        return sorted([row[0] for query in queries for row in await connection.fetch(query)])
    finally:
        await connection.close()


async def test_the_operators_transactions_open_what_they_need(session: asyncpg.Connection) -> None:
    async with session.transaction():
        await session.execute("SELECT set_config('app.operator', 'on', true)")
        found = await seen(session)
        assert {table for table, companies in found.items() if companies} == OPERATOR_READS | {"audit"}
        assert found["audit"] == {""}, "what operators did, and nothing of a tenant's"
        assert all(found[table] == {"acme", "other"} for table in OPERATOR_READS)
        for table in set(TABLES) - {"tenants", "api_keys"}:
            assert await session.execute(f"UPDATE {table} SET company_id = company_id") == "UPDATE 0"
            assert await session.execute(f"DELETE FROM {table}") == "DELETE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await session.execute("INSERT INTO audit VALUES ('acme', 'e', now(), '{}')")


@pytest.mark.parametrize(
    "order",
    [
        "TRUNCATE documents",
        "ALTER TABLE documents DISABLE ROW LEVEL SECURITY",
        "DROP POLICY of_tenant ON documents",
        "DROP TABLE audit",
        "SET ROLE desklore_test_owner",
        "ALTER ROLE desklore_test_app BYPASSRLS",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE TABLE mine (company_id text)",
    ],
)
async def test_the_role_has_no_way_around_it(session: asyncpg.Connection, order: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute(order)


async def test_the_owner_of_the_tables_is_not_above_it(filled: PostgresDatabase) -> None:
    connection = await asyncpg.connect(filled.owner_url)
    try:
        assert set().union(*(await seen(connection)).values()) == set()
    finally:
        await connection.close()


async def test_many_transactions_over_few_connections_never_mix(filled: PostgresDatabase) -> None:
    database = SqlDatabase(filled.url, forget, pool_size=3)

    async def look(number: int) -> None:
        company = ("acme", "other")[number % 2]
        async with database._transaction(company if number % 5 else None) as transaction:
            await asyncio.sleep(0)
            found = {row[0] for row in await transaction.rows(text("SELECT company_id FROM failures"))}
            assert found == ({company} if number % 5 else set())

    await asyncio.gather(*(look(number) for number in range(200)))
    await database.close()


def settings(url: str, folder: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, storage_type=StorageType.POSTGRESQL, database_url=url, **more)


async def test_a_database_of_another_encoding_is_refused(postgres: PostgresDatabase, tmp_path: Path) -> None:
    connection = await asyncpg.connect(postgres.admin_url)
    name = f"desklore_latin_{token_hex(4)}"
    try:
        await connection.execute(f"CREATE DATABASE {name} OWNER desklore_test_owner TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        latin = database_at(postgres.admin_url, name)
        with pytest.raises(AppError, match="encoding is LATIN1"):
            await prepare(settings(latin.url, tmp_path, database_migration_url=latin.owner_url))
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


async def test_production_refuses_a_role_above_it(postgres: PostgresDatabase, tmp_path: Path) -> None:
    secrets = {"operator_key": "o" * 24, "master_keys": "m" * 44, "jwt_secret": "j" * 32, "key_pepper": "p" * 32}
    production = {"environment": Environment.PRODUCTION, **secrets}
    with pytest.raises(AppError) as refused:
        await prepare(settings(postgres.admin_url, tmp_path, **production))
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert "postgres is above row-level security" in refused.value.message
    assert await prepare(settings(postgres.url, tmp_path, **production)) == postgres.url
    assert await prepare(settings(postgres.admin_url, tmp_path)) == postgres.admin_url, "a developer is warned only"
