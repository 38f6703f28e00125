"""Leave nothing of deleted rows in the files of SQLite.

A deleted row's bytes are overwritten where its page stays in use (`secure_delete = FAST`, which costs no page more). Whole pages that
became free keep theirs, and so does the log of the last writes. Here free pages are all used once for zeros, and the log is emptied. That
takes as long as writing the free pages does; VACUUM would write everything else too.
https://www.sqlite.org/pragma.html#pragma_secure_delete
"""

import sqlite3
from contextlib import closing
from typing import Final

from backend.storage.sql.errors import translated

_SECONDS: Final = 5.0
"""So long others may keep the write lock, or read what was before."""
_PIECE: Final = 16 * 1024 * 1024
_SCRAP: Final = "desklore_scrap"


def purge_file(path: str) -> bool:
    """Overwrite what is free, and empty the log. Blocks: run it in a thread. False where somebody still reads what was before."""
    with translated(), closing(sqlite3.connect(path, timeout=_SECONDS, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"CREATE TABLE {_SCRAP} (zeros BLOB)")
            while free := _number(connection, "freelist_count"):
                size = min(_PIECE, free * _number(connection, "page_size"))
                connection.execute(f"INSERT INTO {_SCRAP} VALUES (zeroblob(?))", (size,))  # noqa: S608 - a name of ours
            connection.execute(f"DROP TABLE {_SCRAP}")
            connection.execute("COMMIT")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise
            return False
    return not busy


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
