"""A shard while it is open: what is remembered about it, and what has to be done before it is written to or closed."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from backend.storage.qdrant import held, sealing
from backend.storage.qdrant.engine import about, count_documents, count_points, told, values
from backend.storage.qdrant.filters import of_documents
from backend.storage.qdrant.layout import DOCUMENT

_COUNTED: Final = 20_000
"""So many points are counted anew after every change, and when they are closed: 0.05 to 0.1 s. Of more, counted once, what writes add and
remove is reckoned: counting takes some 6 s a million Documents, in which the engine holds the interpreter's lock."""


@dataclass(slots=True)
class OpenShard:
    """One shard, with what is remembered about it."""

    shard: Any = None
    folder: Path | None = None
    """Where it lies, see `sealing`."""
    users: int = 0
    opening: threading.Lock = field(default_factory=threading.Lock)
    points: int = 0
    writes: int = 0
    """How many began here, and how many ended: while one is under way the number is another than before and after it."""
    counted: tuple[int, tuple[int, int]] | None = None
    """Points and Documents, and at which number of writes."""
    unflushed: int = 0
    unsealed: int = 0
    """Points written since it was sealed, by processes before this one too."""
    tried: int = 0
    """So many there were when it could not be sealed: it is tried again when there are as many more."""
    changed: int = 0
    """Points written or removed since `frequencies` was begun."""
    frequencies: dict[int, int] = field(default_factory=dict)


@contextmanager
def writing(entry: OpenShard, document_ids: Collection[str], kept: Collection[str] = ()) -> Iterator[None]:
    """Around replacing all points of some Documents, of which those `kept` have points afterwards."""
    if not entry.writes and entry.folder is not None:
        held.forget(entry.folder)
    known, before = _counted(entry), None
    if known is not None and entry.points > _COUNTED and set(kept) <= set(document_ids):
        before = len(values(entry.shard, DOCUMENT, of_documents(document_ids))) if document_ids else 0
    entry.writes += 1
    after = None
    try:
        yield
        entry.points = about(entry.shard)
        if known is not None and before is not None:
            after = entry.points, known[1] - before + len(kept)
    finally:
        entry.writes += 1
        entry.counted = None if after is None else (entry.writes, after)


def count(entry: OpenShard) -> tuple[int, int]:
    """Points and Documents."""
    known = _counted(entry)
    if known is None:
        writes = entry.writes
        known = count_points(entry.shard), count_documents(entry.shard)
        entry.counted = writes, known
    return known


def _counted(entry: OpenShard) -> tuple[int, int] | None:
    counted = entry.counted
    return counted[1] if counted is not None and counted[0] == entry.writes else None


def flush(entry: OpenShard) -> None:
    """Force what was written to the disk, with how much of it is not sealed."""
    entry.shard.flush()
    entry.unflushed = 0
    if entry.folder is not None:
        sealing.remember(entry.folder, entry.unsealed)


def close_shard(entry: OpenShard) -> None:
    """Let go of it, nothing lost."""
    if entry.shard is not None:
        with told("closing"):
            flush(entry)
            documents = None
            if entry.folder is not None and held.noted(entry.folder) is None and (_counted(entry) or entry.points <= _COUNTED):
                documents = count(entry)[1]
            entry.shard.close()
        if documents is not None and entry.folder is not None:
            held.note(entry.folder, documents)
