"""The open shards of the embedded engine: few at a time, each closed safely, all of one process.

All of it is synchronous and safe to call from several threads; `edge.py` calls it from its own.
"""

import fcntl
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from backend.core.errors import AppError, Code
from backend.storage.qdrant import collections
from backend.storage.qdrant.engine import count_points, create_shard, load_shard, told


@dataclass(slots=True)
class OpenShard:
    """One tenant's shard, with what is remembered about it."""

    shard: Any = None
    users: int = 0
    opening: threading.Lock = field(default_factory=threading.Lock)
    points: int = 0
    unflushed: int = 0
    changed: int = 0
    """Points written or removed since `frequencies` was begun."""
    frequencies: dict[int, int] = field(default_factory=dict)


class Shards:
    """Opens a tenant's shard when it is needed and closes the one that was not needed for longest.

    The engine allows one process per shard. A lock on the whole folder makes the second process hear it at once,
    instead of at the first tenant that both happen to serve; the lock dies with its process.
    """

    def __init__(self, root: Path, dimension: int, fingerprint: str, *, max_open: int, with_dense: bool) -> None:
        self._root = root
        self._dimension = dimension if with_dense else None
        self._fingerprint = fingerprint
        self._max_open = max_open
        self._open: OrderedDict[str, OpenShard] = OrderedDict()
        self._turn = threading.Condition()
        self._folder_lock: IO[str] | None = None
        self._closed = False

    def claim(self) -> None:
        """Take hold of the folder now, not at the first tenant. Raises INDEX_UNAVAILABLE where another process holds it."""
        with self._turn:
            self._lock_folder()

    def is_open(self, company_id: str) -> bool:
        """Whether the tenant's shard is open now."""
        return company_id in self._open

    def make(self, company_id: str) -> None:
        """Open the tenant's shard, making it where there is none."""
        with self._lease(company_id, make=True):
            pass

    @contextmanager
    def lease(self, company_id: str) -> Iterator[OpenShard | None]:
        """The tenant's shard, kept open while it is used; None when there is none."""
        with self._lease(company_id, make=False) as entry:
            yield entry if entry.shard is not None else None

    @contextmanager
    def _lease(self, company_id: str, *, make: bool) -> Iterator[OpenShard]:
        entry = self._enter(company_id)
        try:
            with entry.opening:
                if entry.shard is None and (make or self._folder(company_id).exists()):
                    entry.shard = self._load_or_create(company_id)
                    entry.points = count_points(entry.shard)
            yield entry
        finally:
            self._leave(company_id, entry)

    def drop(self, company_id: str) -> None:
        """Delete all indexes of the tenant, once nobody uses them."""
        with self._turn:
            self._lock_folder()
            self._turn.wait_for(lambda: company_id not in self._open or not self._open[company_id].users)
            if entry := self._open.pop(company_id, None):
                _close(entry)
            folder = collections.tenant_folder(self._root, company_id)
            if folder.exists():
                shutil.rmtree(folder)

    def close(self) -> None:
        """Flush and close all; waits for calls that are under way."""
        with self._turn:
            self._closed = True
            self._turn.wait_for(lambda: not any(entry.users for entry in self._open.values()))
            while self._open:
                _close(self._open.popitem()[1])
            if self._folder_lock is not None:
                self._folder_lock.close()
                self._folder_lock = None

    def _enter(self, company_id: str) -> OpenShard:
        with self._turn:
            if self._closed:
                raise AppError(Code.INDEX_UNAVAILABLE, "The search index is closed: the server is stopping.")
            self._lock_folder()
            entry = self._open.setdefault(company_id, OpenShard())
            self._open.move_to_end(company_id)
            entry.users += 1
            self._close_idle()
            return entry

    def _leave(self, company_id: str, entry: OpenShard) -> None:
        with self._turn:
            entry.users -= 1
            if entry.shard is None and not entry.users:
                # There was none, or it could not be opened; the next call looks again.
                self._open.pop(company_id, None)
            self._turn.notify_all()

    def _close_idle(self) -> None:
        excess = len(self._open) - self._max_open
        idle = [company_id for company_id, entry in self._open.items() if not entry.users]
        for company_id in idle[: max(0, excess)]:
            _close(self._open.pop(company_id))

    def _lock_folder(self) -> None:
        if self._folder_lock is not None:
            return
        self._root.mkdir(parents=True, exist_ok=True)
        lock = (self._root / ".lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise AppError(
                Code.INDEX_UNAVAILABLE,
                "Another Desklore process holds the data folder; stop it, or give this one another DESKLORE_DATA_DIR. "
                "The embedded index serves one process: several workers need a Qdrant server.",
            ) from error
        self._folder_lock = lock

    def _folder(self, company_id: str) -> Path:
        return collections.shard_folder(self._root, company_id, self._fingerprint)

    def _load_or_create(self, company_id: str) -> Any:
        folder = self._folder(company_id)
        with told("opening"):
            if not folder.exists():
                # Made aside and then renamed: a process killed in between leaves nothing that can't be opened.
                making = folder.with_suffix(".making")
                shutil.rmtree(making, ignore_errors=True)
                making.parent.mkdir(parents=True, exist_ok=True)
                create_shard(making, self._dimension)
                making.rename(folder)
            return load_shard(folder, self._dimension)


def _close(entry: OpenShard) -> None:
    if entry.shard is not None:
        with told("closing"):
            entry.shard.flush()
            entry.shard.close()
