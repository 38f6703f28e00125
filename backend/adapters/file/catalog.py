"""What is in a connection's files: every row by its ticket, in a small database that is kept between two syncs.

It is a memory, not the truth: where it is lost or of an older format, the files are read once more.
"""

import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from backend.adapters.file.entries import FileEntry, Kind, Span, TicketEntry, micros, moment
from backend.adapters.file.exported.memory import ExportMemory
from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import Sheet

T = TypeVar("T")

_FORMAT: Final = 2
"""Raise it when what is kept, or how files are understood, changes."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS files (
  file INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, stamp TEXT NOT NULL, declared TEXT NOT NULL, kind TEXT NOT NULL,
  size INTEGER NOT NULL, modified INTEGER NOT NULL, sheet BLOB, code TEXT NOT NULL, problem TEXT NOT NULL, role TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rows (
  file INTEGER NOT NULL, key TEXT NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL, number INTEGER NOT NULL,
  digest INTEGER NOT NULL, at INTEGER, gone INTEGER NOT NULL, problem TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS attached (file INTEGER NOT NULL, path TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tickets (
  key TEXT PRIMARY KEY, file INTEGER NOT NULL, at INTEGER NOT NULL, digest INTEGER NOT NULL, rows INTEGER NOT NULL, gone INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS names (file INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pages (
  key TEXT PRIMARY KEY, file INTEGER NOT NULL, at INTEGER NOT NULL, digest INTEGER NOT NULL, rows INTEGER NOT NULL, gone INTEGER NOT NULL)
  WITHOUT ROWID;
"""


_VERSION: Final = """
    strftime('%Y-%m-%dT%H:%M:%S', (at - (at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch')
    || printf('.%06dZ %x-%d', (at % 1000000 + 1000000) % 1000000, digest, rows)
"""
"""Its time in UTC, then what its rows say: `2025-01-02T03:04:05.000000Z 5f3a-1`. Made of thousands of rows in one go."""


class Catalog:
    """A catalog in a temporary file. Its methods block; one thread at a time. Close it."""

    def __init__(self, kept: Path | None = None) -> None:
        self._folder = tempfile.mkdtemp(prefix="desklore-files-")
        self.path = Path(self._folder) / "catalog.db"
        if kept is not None:
            kept.replace(self.path)
        try:
            self._db = self._opened()
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)
            self._db = self._opened()
        self.exported = ExportMemory(self._db)
        """What only account exports have."""
        self._entries: dict[int, FileEntry] = {}
        self._weight: int | None = None

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] not in (0, _FORMAT):
                raise sqlite3.DatabaseError("of an older format")
            # It can be made again from the files: no need to survive a power cut.
            db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000; PRAGMA user_version={_FORMAT};")
            db.executescript(_TABLES)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Forget it."""
        self._db.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def known(self) -> dict[str, FileEntry]:
        """All files by path."""
        return {entry.path: entry for entry in map(_entry, self._db.execute("SELECT * FROM files"))}

    def forget(self, paths: Iterable[str]) -> None:
        """These files are gone, or are about to be read anew."""
        self._begin()
        for path in paths:
            row = self._db.execute("SELECT file FROM files WHERE path = ?", (path,)).fetchone()
            if row is not None:
                for table in ("rows", "attached", "names", "files"):
                    self._db.execute(f"DELETE FROM {table} WHERE file = ?", row)  # noqa: S608 - names of our own tables
        self._commit()

    def put(self, found: Found, declared: str, kind: str, *, code: str = "", problem: str = "", role: str = "") -> int:
        """A file without rows, such as a document or one that can't be read; its number."""
        return self._put_file(found, declared, kind, None, code=code, problem=problem, role=role)

    def begin(self, found: Found, declared: str, sheet: Sheet) -> int:
        """Begin with a file of rows: the number by which they are added. What was read of it before stays until its `end`."""
        kind = Kind.ARTICLES if sheet.part == Kind.ARTICLES else Kind.TICKETS
        role = f"{sheet.export}/{sheet.part}" if sheet.export else ""
        file = self._put_file(msgspec.structs.replace(found, path=_unfinished(found)), declared, kind, sheet, role=role)
        # With its index the table would be filled at a third of the speed.
        self._db.execute("DROP INDEX IF EXISTS rows_key")
        return file

    def add(self, file: int, rows: Sequence[Sequence[Any]], named: Iterable[str], *, begin: int = 0, first: int = 0) -> None:
        """Some more of its rows, each as `Seen`, with what has to be added to their places and numbers; and the files they name."""
        self._begin()
        query = f"INSERT INTO rows VALUES ({file:d}, ?, ? + {begin:d}, ?, ? + {first:d}, ?, ?, ?, ?)"  # noqa: S608 - numbers only
        self._db.executemany(query, rows)
        self._db.executemany("INSERT INTO attached VALUES (?, ?)", [(file, path) for path in named])
        self._commit()

    def end(self, file: int, found: Found) -> None:
        """It was read to its end, and takes the place of what was read before."""
        self.forget([found.path])
        self._db.execute("UPDATE files SET path = ? WHERE file = ?", (found.path, file))

    def drop_unfinished(self, found: Found) -> None:
        """It was not read to its end; what was read of it before stays."""
        self.forget([_unfinished(found)])

    def restate(self, entry: FileEntry, *, code: str, problem: str) -> None:
        """Keep what was read of a file before, and say why it can't be read now."""
        self._db.execute("UPDATE files SET code = ?, problem = ? WHERE file = ?", (code, problem, entry.file))

    def settle(self) -> None:
        """Put the tickets together; of one that several files hold, the file changed last tells."""
        self._begin()
        self._db.execute("CREATE INDEX IF NOT EXISTS rows_key ON rows (file, key)")
        self._db.execute("DROP INDEX IF EXISTS tickets_at")
        self._gather("tickets", Kind.TICKETS)
        self._gather("pages", Kind.ARTICLES)
        self._db.execute("CREATE INDEX tickets_at ON tickets (at DESC, key)")
        self._commit()
        self._entries.clear()
        self._weight = None

    def _gather(self, table: str, kind: str) -> None:
        self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the name of our own table
        files = self._db.execute("SELECT file, modified FROM files WHERE kind = ? ORDER BY modified, path", (kind,)).fetchall()
        for file, modified in files:
            self._db.execute(
                f"INSERT OR REPLACE INTO {table} SELECT key, file, COALESCE(MAX(at), ?), SUM(digest), COUNT(*), MAX(gone) "  # noqa: S608 - the name of our own table
                "FROM rows WHERE file = ? GROUP BY key",
                (modified, file),
            )

    def page(self, after: tuple[int, str] | None, limit: int, *, since: int | None, until: int | None, gone: bool) -> list[TicketEntry]:
        """Tickets by the time of their last change, the newest first, then by key."""
        at, key = after or (1 << 62, "")
        query = (
            f"SELECT key, at, {_VERSION} FROM tickets "  # noqa: S608 - nothing that somebody wrote
            "WHERE at <= ? AND (at < ? OR key > ?) AND at >= ? AND at < ? AND gone = ? ORDER BY at DESC, key LIMIT ?"
        )
        least, most = -(1 << 62) if since is None else since, 1 << 62 if until is None else until
        return [TicketEntry(*row) for row in self._db.execute(query, (at, at, key, least, most, int(gone), limit))]

    def placed(self, keys: Collection[str], table: str = "tickets") -> tuple[dict[int, FileEntry], dict[str, list[Span]]]:
        """Of each ticket (with `pages`: article) its rows in the order of the file, without those gone; and the files that they are in."""
        spans: dict[str, list[Span]] = {}
        for some in _batched(keys, 500):
            marks = ",".join("?" * len(some))
            query = (
                f"SELECT item.key, item.file, start, size, number, problem FROM {table} AS item "  # noqa: S608 - our table, question marks
                "CROSS JOIN rows ON rows.file = item.file AND rows.key = item.key "
                f"WHERE item.gone = 0 AND item.key IN ({marks}) ORDER BY start"
            )
            for key, *place in self._db.execute(query, some):
                spans.setdefault(key, []).append(Span(*place))
        return {file: self.file(file) for file in sorted({each[0].file for each in spans.values()})}, spans

    def count(self, *, gone: bool = False) -> int:
        """How many tickets there are."""
        return int(self._db.execute("SELECT COUNT(*) FROM tickets WHERE gone = ?", (int(gone),)).fetchone()[0])

    def weight(self) -> int:
        """Bytes of a ticket's rows, on the average."""
        if self._weight is None:
            query = "SELECT (SELECT COALESCE(SUM(size), 0) FROM rows) / MAX((SELECT COUNT(*) FROM tickets), 1)"
            self._weight = int(self._db.execute(query).fetchone()[0])
        return self._weight

    def file(self, file: int) -> FileEntry:
        """One file by its number."""
        if file not in self._entries:
            self._entries[file] = _entry(self._db.execute("SELECT * FROM files WHERE file = ?", (file,)).fetchone())
        return self._entries[file]

    def pages(self) -> list[TicketEntry]:
        """Articles of account exports, by key."""
        return [TicketEntry(*row) for row in self._db.execute(f"SELECT key, at, {_VERSION} FROM pages ORDER BY key")]  # noqa: S608 - nothing that somebody wrote

    def articles(self) -> list[FileEntry]:
        """Documents and what can't be read, by path, without the files that tickets carry."""
        query = "SELECT * FROM files WHERE (kind IN (?, ?) OR code != '') AND path NOT IN (SELECT path FROM attached) ORDER BY path"
        return [_entry(row) for row in self._db.execute(query, (Kind.DOCUMENT, Kind.BROKEN))]

    def _put_file(
        self, found: Found, declared: str, kind: str, sheet: Sheet | None, *, code: str = "", problem: str = "", role: str = ""
    ) -> int:
        self.forget([found.path])
        plain = None if sheet is None else msgspec.json.encode(sheet)
        row = (found.path, found.stamp, declared, kind, found.size, micros(found.modified), plain, code, problem, role)
        columns = "path, stamp, declared, kind, size, modified, sheet, code, problem, role"
        cursor = self._db.execute(f"INSERT INTO files ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - names of our own columns
        return int(cursor.lastrowid or 0)

    def _begin(self) -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("BEGIN")

    def _commit(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")


def _unfinished(found: Found) -> str:
    """What a file is called that is being read: no place names one so, and what a killed sync left is forgotten as gone."""
    return f"\0{found.path}"


def digest_of(found: Iterable[tuple[Found, str]]) -> str:
    """Of the files and what is declared of them: the same while nothing changed."""
    digest = hashlib.sha256(str(_FORMAT).encode())
    for each, declared in sorted(found, key=lambda pair: pair[0].path):
        digest.update(f"{each.path}\x1f{each.stamp}\x1f{declared}\x1e".encode())
    return digest.hexdigest()[:32]


def _entry(row: tuple[Any, ...]) -> FileEntry:
    file, path, stamp, declared, kind, size, modified, sheet, code, problem, role = row
    decoded = None if sheet is None else msgspec.json.decode(sheet, type=Sheet)
    return FileEntry(file, path, stamp, declared, kind, size, moment(modified), decoded, code, problem, role)


def _batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """`itertools.batched`, which Python has from 3.12 on."""
    left = iter(values)
    while some := list(islice(left, size)):
        yield some
