"""What a database's errors mean in ours: full, away, or a rule of the tables broken."""

import errno
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backend.core.errors import AppError, Code
from backend.storage.sql.tables import ONE_ACTIVE_RUN

# https://www.sqlite.org/rescode.html: a failed write or a shared-memory file that can't grow is how a quota shows.
_SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_FULL = "53100"
_POSTGRES_AWAY = {
    "08": "The connection to the database broke. Try again.",
    "28": "The database refused the name or the password. Check DESKLORE_DATABASE_URL.",
    "3D": "There is no such database. Check DESKLORE_DATABASE_URL.",
    "40": "Two transactions were in each other's way. Try again.",
    "53": "The database has no connection or memory to spare. Try again.",
    "55P03": "Another transaction has held what was asked for too long. Try again.",
    "57": "The database is stopping, starting or gave up on a statement that took too long. Try again.",
    "58": "The database can't use its files. See its log.",
    "42501": "The database role lacks a right. Migrate as the owner of the tables (make migrate with DESKLORE_DATABASE_MIGRATION_URL).",
}
"""By code or class of codes: what passes by itself, or when an operator acts."""
_AWAY_SECONDS = 5.0
"""When a caller may try again."""
_FULL = "The disk that holds the database is full (or over its quota). Free some space; the work goes on by itself."
_RULES = (
    # SQLite names the columns of a broken unique index, PostgreSQL the index itself.
    (("runs.company_id, runs.connection_id", ONE_ACTIVE_RUN), Code.RUN_ACTIVE),
    (("connections.company_id, connections.platform", "ix_connections_company_id_platform_domain"), Code.CONNECTION_EXISTS),
    (("FOREIGN KEY constraint failed", "_company_id"), Code.TENANT_NOT_FOUND),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise AppError instead of a database's own error, where it has a meaning of ours; a bug passes as it is."""
    try:
        yield
    except IntegrityError as error:
        code = _broken_rule(str(error.orig))
        if code is None:
            raise
        raise AppError(code) from error
    except (DBAPIError, PoolTimeoutError, sqlite3.Error, OSError) as error:
        told = meaning(error)
        if told is None:
            raise
        raise told from error


def meaning(error: Exception) -> AppError | None:
    """The AppError for an error of the database or the disk; None where it is a bug of ours, such as bad SQL."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if _is_full(cause):
        return AppError(Code.STORAGE_FULL, _FULL)
    if isinstance(cause, PoolTimeoutError):
        return _away("The database is busy: no connection became free in time. Try again.")
    if isinstance(cause, OSError):
        return _away(f"The database can't be reached: {_why(cause)}.")
    if isinstance(cause, sqlite3.DatabaseError) and not isinstance(cause, sqlite3.ProgrammingError | sqlite3.DataError):
        return _sqlite_away(cause)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return _away(_POSTGRES_AWAY["08"])
    return _postgres_away(cause)


def _why(error: OSError) -> str:
    """In the system's words, without the address: callers read it too."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return (
        "unknown host"
        if isinstance(error, socket.gaierror)
        else "no answer in time"
        if isinstance(error, TimeoutError)
        else "no connection"
    )


def _away(message: str) -> AppError:
    return AppError(Code.STORAGE_UNAVAILABLE, message, retry_after=_AWAY_SECONDS)


def _postgres_away(cause: object) -> AppError | None:
    """By PostgreSQL's code; None for a statement that is wrong, and for one that row-level security refused."""
    code = str(getattr(cause, "sqlstate", None) or "")
    if "row-level security" in str(cause):
        return None
    message = _POSTGRES_AWAY.get(code) or _POSTGRES_AWAY.get(code[:2])
    return None if message is None else _away(message)


def _sqlite_away(cause: sqlite3.DatabaseError) -> AppError | None:
    """Locked, unreadable, damaged or not a database; None for a statement that is wrong."""
    primary = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary == sqlite3.SQLITE_ERROR:
        return None
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _away("Another process has held the database for too long. Try again.")
    return _away(f"The database file can't be used: {cause}. Check the data folder, its owner and its disk.")


def _is_full(cause: object) -> bool:
    """Whether the disk has no room left."""
    if isinstance(cause, OSError):
        return cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return getattr(cause, "sqlite_errorcode", None) in _SQLITE_FULL or getattr(cause, "sqlstate", None) == _POSTGRES_FULL


def _broken_rule(text: str) -> Code | None:
    """Which rule of the tables was broken."""
    for marks, code in _RULES:
        if any(mark in text for mark in marks):
            return code
    return None
