"""Run migrations over one connection, all in one transaction, on SQLite and PostgreSQL alike."""

import asyncio
from typing import Any, Final

from alembic import context
from sqlalchemy import Connection, event, pool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from backend.storage.sql import postgres
from backend.storage.sql.months import is_ours
from backend.storage.sql.schema import metadata

_PATIENCE_SECONDS = 60
"""So long a process waits in SQLite for another one that migrates; the driver's own five are few on a busy machine."""

_LIMITS: Final = ("SET LOCAL lock_timeout = '5s'", "SET LOCAL statement_timeout = '60s'")
"""A migration that has to wait for a busy table gives up instead of making everybody wait behind it."""


def _url() -> str:
    """The database: given by the caller, or by `alembic -x url=…` on the command line."""
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    return str(given or "sqlite+aiosqlite:///data/desklore.db")


def _one_transaction(connection: Any, _record: Any) -> None:
    """SQLite can undo a CREATE TABLE, but its driver commits before one unless it is told to keep out."""
    connection.isolation_level = None
    # Documents of some kilobytes fit better: a third less work than with the default of 4,096. Only a new file takes it.
    cursor = connection.cursor()
    cursor.execute("PRAGMA page_size = 8192")
    # From the first write on: who changes to the write-ahead log while somebody writes without it is refused at once, not made to wait.
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    """A second process that starts at the same moment waits here, then finds the tables made."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _limit(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for limit in _LIMITS:
            connection.exec_driver_sql(limit)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        include_name=is_ours,
        transactional_ddl=True,
        # A migration that moves many rows allows itself more time, and the next one is not to have it.
        on_version_apply=lambda **_applied: _limit(connection),
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # As with SQLite's BEGIN IMMEDIATE: a second process waits here, then finds the tables made.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({postgres.MIGRATION_LOCK})")
        # Only now: waiting for another process that migrates does no harm.
        _limit(connection)
        context.run_migrations()


def _engine() -> AsyncEngine:
    if postgres.is_postgres(_url()):
        return postgres.single_engine(_url())
    engine = create_async_engine(_url(), poolclass=pool.NullPool, connect_args={"timeout": _PATIENCE_SECONDS})
    event.listen(engine.sync_engine, "connect", _one_transaction)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


async def _run() -> None:
    engine = _engine()
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
