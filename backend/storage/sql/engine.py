"""Connections to the database, set up for several readers beside one writer, and its migrations."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from backend.storage.sql import postgres
from backend.storage.sql.errors import translated
from backend.storage.sql.schema import metadata
from backend.storage.sql.trips import OneTripConnection

_BUSY_SECONDS = 15
"""How long a writer waits for one in another process, such as the command line beside the server."""
_POOL_SECONDS = 30.0
"""How long a task waits for its turn to write, or for a connection to PostgreSQL."""
_READERS = 4
POOL_SIZE = 20
"""Connections to PostgreSQL where nobody says how many."""
_MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


@dataclass(frozen=True, slots=True)
class Engines:
    """Where to read and where to write. One and the same where the database itself keeps writers apart."""

    reader: AsyncEngine
    writer: AsyncEngine

    @property
    def shared(self) -> bool:
        """Whether reading and writing go over one connection."""
        return self.reader is self.writer

    async def dispose(self) -> None:
        """Close every connection."""
        await self.writer.dispose()
        if not self.shared:
            await self.reader.dispose()


def open_engines(url: str, pool_size: int = POOL_SIZE) -> Engines:
    """Engines for `sqlite+aiosqlite:///path`, `sqlite+aiosqlite://` (memory) or `postgresql://…`; connects at first use."""
    if postgres.is_postgres(url):
        json = _JSON | {"json_serializer": lambda value: postgres.json_without_nul(_encode_json(value))}
        engine = postgres.pooled_engine(url, pool_size, wait_seconds=_POOL_SECONDS, **json)
        return Engines(engine, engine)
    target = make_url(url)
    # One writing connection is a queue of its own: tasks wait for it in order and SQLite never answers "locked".
    writer = _engine(target, pool_size=1, max_overflow=0)
    _prepare_sqlite(writer, reading=False)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    if not in_file(target):
        return Engines(writer, writer)
    reader = _engine(target, pool_size=_READERS, max_overflow=_READERS, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)
    _prepare_sqlite(reader, reading=True)
    return Engines(reader, writer)


def in_file(url: URL) -> bool:
    """Whether it is a SQLite database in a file, not in memory."""
    return url.get_backend_name() == "sqlite" and bool(url.database) and url.database != ":memory:"


def _engine(url: URL, **options: Any) -> AsyncEngine:
    return create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_timeout=_POOL_SECONDS,
        **_JSON,
        **options,
    )


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _same(text: str) -> str:
    """Stores decode JSON to their own types; doing it here too would do it twice."""
    return text


_JSON: dict[str, Any] = {"json_serializer": _encode_json, "json_deserializer": _same}


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: a transaction that asks for it later may be refused."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(engine: AsyncEngine, *, reading: bool) -> None:
    """Set every new connection up. https://www.sqlite.org/pragma.html"""

    def prepare(connection: Any, _record: Any) -> None:
        # The driver shall not open transactions by itself; `_begin_immediate` does.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _pragmas(reading=reading):
            cursor.execute(pragma)
        cursor.close()

    def open_by(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options["async_creator_fn"] = _opened

    event.listen(engine.sync_engine, "do_connect", open_by)
    event.listen(engine.sync_engine, "connect", prepare)


async def _opened(*arguments: Any, **options: Any) -> OneTripConnection:
    """A connection to SQLite; where it can't be opened, the thread that tried has ended before the error is raised.

    aiosqlite 0.22 leaves that thread behind, and it fails loudly when it reports to an event loop that is closed by then.
    """
    connection = OneTripConnection(partial(sqlite3.connect, *arguments, **options), iter_chunk_size=1)
    # A process must be able to end without closing its connections.
    thread = connection._thread  # noqa: SLF001 - as SQLAlchemy does where it opens connections itself
    thread.daemon = True
    try:
        await connection
        return connection
    except (sqlite3.Error, asyncio.CancelledError):
        await asyncio.to_thread(thread.join)
        raise


def _pragmas(*, reading: bool) -> tuple[str, ...]:
    """`synchronous=NORMAL` in WAL never damages the file; a power cut may undo the last transactions, which are then done again."""
    common = (f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}", "PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -16000")
    if reading:
        return (*common, "PRAGMA query_only = ON")
    return (*common, "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA foreign_keys = ON", "PRAGMA secure_delete = FAST")


def upgrade(url: str, owner_url: str | None = None) -> None:
    """Bring the tables up to date, making the SQLite file where there is none. Blocks: run it in a thread.

    A database that is current already is told from one query, without loading the migration tool. With `owner_url` the
    migrations run as the role that owns the tables, and the role of `url` is given the right to read and write rows.
    Raises STORAGE_FULL or STORAGE_UNAVAILABLE.
    """
    with translated():
        if postgres.is_postgres(url):
            _upgrade_postgres(url, owner_url)
            return
        target = make_url(url)
        if in_file(target):
            Path(str(target.database)).parent.mkdir(parents=True, exist_ok=True)
            if _revision(str(target.database)) == newest_revision():
                return
        _alembic(url, "upgrade", "head")


def _upgrade_postgres(url: str, owner_url: str | None) -> None:
    if asyncio.run(postgres.revision(url)) == newest_revision():
        return
    _alembic(owner_url or url, "upgrade", "head")
    if owner_url is not None:
        application = asyncio.run(postgres.role(url))
        asyncio.run(postgres.grant(owner_url, application.name, [table.name for table in metadata.sorted_tables]))


def downgrade(url: str, revision: str) -> None:
    """Go back to a revision, `base` for none at all. Blocks: run it in a thread."""
    with translated():
        _alembic(url, "downgrade", revision)


def _alembic(url: str, direction: Literal["upgrade", "downgrade"], revision: str) -> None:
    """Run migrations, all of them or none."""
    # Alembic takes a tenth of a second to load, and a start with current tables does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    go = command.upgrade if direction == "upgrade" else command.downgrade
    go(config, revision)


def newest_revision() -> str:
    """The last migration there is, by its file name `NNNN_what.py`."""
    return max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _revision(path: str) -> str | None:
    """Which migration the SQLite file is at; None where it has no tables yet."""
    if not Path(path).exists():
        return None
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
                raise
            return None
    return row[0] if row else None
