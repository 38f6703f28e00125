"""Read the archive of payloads: one of its files at a time, and of each item only the newest payload (SPEC B4)."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
import zstandard
from msgspec import Struct

from backend.core.ingest.pipeline.archive import RAW
from backend.core.ingest.pipeline.newer import SKEW
from backend.core.model.document import DocType

_STAMP: Final = "%Y%m%dT%H%M%S"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLE: Final = """
CREATE TABLE newest (
    doc_type TEXT, original_id TEXT, told REAL, changed REAL, file INTEGER, PRIMARY KEY (doc_type, original_id)
) WITHOUT ROWID;
CREATE TABLE once (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class _Head(Struct, frozen=True):
    """A line without its payload. Those written before these times were kept have none."""

    doc_type: DocType
    original_id: str
    version: str
    told_at: datetime | None = None
    changed_at: datetime | None = None


class Payload(Struct, frozen=True, kw_only=True):
    """What the archive has of an item at one time."""

    doc_type: DocType
    original_id: str
    version: str
    told_at: datetime
    """When the helpdesk was asked for what is in it; where that was not kept, when the run began that asked."""
    changed_at: datetime | None
    """When the helpdesk said that it changed last; None where that was not kept."""
    raw: bytes


def payloads_in(packed: bytes, key: str) -> Iterator[Payload]:
    """The payloads of a file of the archive, in order; lines that make no sense are left out. Raises zstandard.ZstdError."""
    began = _began(key)
    for line in zstandard.decompress(packed).split(b"\n"):
        head, found, rest = line.partition(RAW)
        try:
            told = msgspec.json.decode(head + b"}", type=_Head)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
        if found:
            yield Payload(
                doc_type=told.doc_type,
                original_id=told.original_id,
                version=told.version,
                told_at=told.told_at or began,
                changed_at=told.changed_at,
                raw=rest[:-1],
            )


def _began(key: str) -> datetime:
    """When the run began that wrote a file of the archive, by its name."""
    try:
        return datetime.strptime(key.rpartition("/")[2].partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return _LONG_AGO


class Newest:
    """Which file of the archive has the newest payload of an item: a table on disk, so that memory does not grow with the archive."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="desklore-newest-")
        self._db = sqlite3.connect(Path(self._folder.name) / "newest.db", check_same_thread=False, isolation_level=None)
        # Should we be killed, all of it is found out again.
        self._db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLE}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()
        self._folder.cleanup()

    def see(self, file: int, payloads: Iterable[Payload]) -> None:
        """Take note of what a file has. Files are seen in the order in which runs began."""
        self._db.execute("BEGIN")
        for payload in payloads:
            key = (payload.doc_type.value, payload.original_id)
            told, changed = payload.told_at.timestamp(), payload.changed_at.timestamp() if payload.changed_at is not None else None
            before = self._db.execute("SELECT told, changed FROM newest WHERE doc_type = ? AND original_id = ?", key).fetchone()
            if before is None or _is_newer((told, changed), before):
                self._db.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?)", (*key, told, changed, file))
        self._db.execute("COMMIT")

    def of(self, file: int, payloads: Iterable[Payload]) -> list[Payload]:
        """Of a file's payloads those that are the newest of their items, each once."""
        found: dict[tuple[DocType, str], Payload] = {}
        for payload in payloads:
            key = (payload.doc_type.value, payload.original_id)
            row = self._db.execute("SELECT file, told FROM newest WHERE doc_type = ? AND original_id = ?", key).fetchone()
            if row is not None and row[0] == file and row[1] == payload.told_at.timestamp():
                found[payload.doc_type, payload.original_id] = payload
        return list(found.values())

    def by_file(self) -> dict[int, int]:
        """Of how many items each file has the newest payload; files without any are left out."""
        return dict(self._db.execute("SELECT file, count(*) FROM newest GROUP BY file"))

    def count(self) -> int:
        """How many items the archive has."""
        (count,) = self._db.execute("SELECT count(*) FROM newest").fetchone()
        return int(count)

    def first_time(self, key: str) -> bool:
        """Whether this is asked for the first time."""
        return self._db.execute("INSERT OR IGNORE INTO once VALUES (?)", (key,)).rowcount > 0


def _is_newer(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    """By when it was asked for; of what was asked for side by side, by when the helpdesk says that it changed (see `newer`)."""
    told, changed = one
    then, before = other
    assert told is not None  # noqa: S101 - every payload has this time
    assert then is not None  # noqa: S101 - every payload has this time
    if changed is not None and before is not None and changed != before and abs(told - then) < SKEW.total_seconds():
        return changed > before
    return told >= then
