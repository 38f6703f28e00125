"""A shard while it is open: what is remembered about it, and what has to be done before it is written to or closed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from backend.storage.qdrant import held, sealing
from backend.storage.qdrant.engine import count_documents, count_points, told

_COUNTED: Final = 20_000
"""So many points are counted when they are closed; whoever closes more waits too long, so the next start counts them."""


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
def writing(entry: OpenShard) -> Iterator[None]:
    """Around whatever is written into it."""
    if not entry.writes and entry.folder is not None:
        held.forget(entry.folder)
    entry.writes += 1
    try:
        yield
    finally:
        entry.writes += 1


def count(entry: OpenShard) -> tuple[int, int]:
    """Points and Documents; where nothing was written since, as they were counted last.

    A second for 60,000 Documents, in which the engine holds the interpreter's lock.
    """
    writes = entry.writes
    known = entry.counted
    if known is None or known[0] != writes:
        known = entry.counted = writes, (count_points(entry.shard), count_documents(entry.shard))
    return known[1]


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
            if entry.folder is not None and held.noted(entry.folder) is None and (_is_counted(entry) or entry.points <= _COUNTED):
                documents = count(entry)[1]
            entry.shard.close()
        if documents is not None and entry.folder is not None:
            held.note(entry.folder, documents)


def _is_counted(entry: OpenShard) -> bool:
    return entry.counted is not None and entry.counted[0] == entry.writes
