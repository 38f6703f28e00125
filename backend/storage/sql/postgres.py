"""PostgreSQL: how connections are opened and kept, which revision the tables have, and what the application's role may do."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from backend.core.waiting import to_its_end

_PREFIXES: Final = ("postgresql://", "postgresql+asyncpg://", "postgres://")
_CONNECT_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 150.0
"""Longer than the server's own limit: this one is for a server that has vanished without a word."""
_ESCAPED_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""Where the backslash is not itself an escaped one."""
_IDLE_SECONDS: Final = 15.0
"""A connection that lay idle for longer is asked for a sign of life before it is used."""
_LIMITS: Final = {
    "application_name": "desklore",
    "lock_timeout": "15s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "300s",
    # Compiling a query of some milliseconds costs more than it saves.
    "jit": "off",
}
"""https://www.postgresql.org/docs/current/runtime-config-client.html"""

Connect = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """Who the application is to the database, and how that writes texts."""

    name: str
    encoding: str
    above_row_security: bool
    """Whether it sees every tenant's rows whatever the policies say: a superuser, or a role with BYPASSRLS."""


def is_postgres(url: str) -> bool:
    """Whether it is an address of PostgreSQL."""
    return url.startswith(_PREFIXES)


def dsn(url: str) -> str:
    """The address as libpq spells it, with all that it knows: `sslmode`, several hosts, `target_session_attrs`, a socket's folder."""
    return f"postgresql://{url.split('://', 1)[1]}"


def pooled_engine(url: str, size: int, *, wait_seconds: float, **options: Any) -> AsyncEngine:
    """At most `size` connections, each set up once; one that broke while it lay idle is replaced before it is used."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_connecting(url, server_settings=_LIMITS, command_timeout=_COMMAND_SECONDS),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait_seconds,
        # The others grow idle, and a small load keeps few connections busy.
        pool_use_lifo=True,
        **options,
    )
    event.listen(engine.sync_engine, "before_cursor_execute", _without_nul, retval=True, named=True)
    event.listen(engine.sync_engine.pool, "checkin", _note_time)
    event.listen(engine.sync_engine.pool, "checkout", _refuse_broken)
    return engine


def single_engine(url: str) -> AsyncEngine:
    """For migrations: one connection without limits of its own, closed after use."""
    return create_async_engine("postgresql+asyncpg://", async_creator=_connecting(url), poolclass=NullPool)


def _connecting(url: str, **options: Any) -> Connect:
    async def connect() -> Any:
        # Loaded when a PostgreSQL is reached for: the embedded mode never needs it.
        import asyncpg  # noqa: PLC0415

        made: list[Any] = []

        async def open_one() -> None:
            made.append(await asyncpg.connect(dsn(url), timeout=_CONNECT_SECONDS, **options))

        try:
            # Canceled in the middle of its handshake, the driver may leave the socket open.
            await to_its_end(open_one())
        except asyncio.CancelledError:
            for connection in made:
                connection.terminate()
            raise
        return made[0]

    return connect


def json_without_nul(text: str) -> str:
    """JSONB takes no null character, which helpdesks do send: what stands for one there is what does not exist either."""
    return _ESCAPED_NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def _without_nul(*, statement: str, parameters: Any, executemany: bool, **_more: Any) -> tuple[str, Any]:
    """The same for texts. https://www.postgresql.org/docs/current/datatype-character.html"""
    return statement, [_row_without_nul(row) for row in parameters] if executemany else _row_without_nul(parameters)


def _row_without_nul(row: Any) -> Any:
    if any(isinstance(value, str) and "\0" in value for value in row):
        return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)
    return row


def _note_time(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _refuse_broken(connection: Any, record: Any, _proxy: Any) -> None:
    """The driver hears at once when the server closes a connection; only one that lay idle for long costs a question.

    SQLAlchemy's own `pool_pre_ping` would cost three round trips for every transaction.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed the connection while it lay idle")
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) > _IDLE_SECONDS:
        try:
            connection.ping()
        except connection.dbapi.Error as error:
            raise DisconnectionError("the connection broke while it lay idle") from error


async def revision(url: str) -> str | None:
    """Which migration the tables are at; None where there are none yet, or none that this role may read."""
    import asyncpg  # noqa: PLC0415 - as above, the embedded mode never needs it

    try:
        row = await _ask(url, "SELECT version_num FROM alembic_version")
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        return None
    return str(row[0]) if row else None


async def role(url: str) -> DatabaseRole:
    """Who this address connects as."""
    query = """SELECT rolname, current_setting('server_encoding'), rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"""
    name, encoding, above = await _ask(url, query)
    return DatabaseRole(name, encoding, above)


async def grant(owner_url: str, role_name: str, tables: Sequence[str]) -> None:
    """Let the application's role read and write rows of the tables, and nothing else. Safe to repeat."""
    connection = await _connecting(owner_url)()
    try:
        quote = "SELECT quote_ident($1), quote_ident(current_schema())"
        to, schema = await connection.fetchrow(quote, role_name)
        names = ", ".join(f"{schema}.{table}" for table in tables)
        async with connection.transaction():
            # Two starts at once would stumble over each other's change of the same catalog rows.
            await connection.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {to}")
            await connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {names} TO {to}")
            await connection.execute(f"GRANT SELECT ON {schema}.alembic_version TO {to}")
            await connection.execute(f"GRANT EXECUTE ON FUNCTION {schema}.desklore_make_months, {schema}.desklore_drop_months TO {to}")
    finally:
        await connection.close()


MIGRATION_LOCK: Final = 5_731_204_116_023
"""Who changes the schema holds this advisory lock: processes that start at once take turns."""


async def _ask(url: str, query: str) -> Any:
    """The first row of a query, over a connection of its own."""
    connection = await _connecting(url)()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await connection.fetchrow(query)
    finally:
        await connection.close()
