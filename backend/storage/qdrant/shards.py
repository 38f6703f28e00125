"""The open shards of the embedded engine: few at a time, each closed safely, all of one process.

A tenant has one shard, or two while another one is built beside the one that is searched.

All of it is synchronous and safe to call from several threads; `edge.py` calls it from its own.
"""

import fcntl
import shutil
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Final

from backend.core.errors import AppError, Code
from backend.core.model.search import Makers
from backend.storage.qdrant import collections, held, pointer, sealing, warming
from backend.storage.qdrant.engine import about, create_shard, load_shard, told
from backend.storage.qdrant.memory import give_back, release_holes
from backend.storage.qdrant.opened import OpenShard, close_shard, flush

RESERVED: Final = 32_000_000
"""Bytes left free: the engine writes to mapped files, and where the disk has no room for a page of one the system ends the process."""
Place = tuple[str, Makers]
"""Whose shard, and what made its vectors."""


class Shards:
    """Opens a shard when it is needed and closes the one that was not needed for longest.

    The engine allows one process per shard. A lock on the whole folder makes the second process hear it at once,
    instead of at the first tenant that both happen to serve; the lock dies with its process.
    """

    def __init__(self, root: Path, *, max_open: int, seal_at: int = sealing.POINTS) -> None:
        self._root = root
        self.seal_at = seal_at
        """After so many points; may be changed at any time."""
        self.reserved = RESERVED
        self._max_open = max_open
        self._open: OrderedDict[Place, OpenShard] = OrderedDict()
        self._turn = threading.Condition()
        self._folder_lock: IO[str] | None = None
        self._closed = False
        self._sealing: BaseProcess | None = None

    def claim(self) -> None:
        """Take hold of the folder now, not at the first tenant. Raises INDEX_UNAVAILABLE where another process holds it."""
        with self._turn:
            self._lock_folder()

    def check_room(self) -> None:
        """Raises STORAGE_FULL where nothing should be written any more."""
        if shutil.disk_usage(self._root).free < self.reserved:
            raise AppError(Code.STORAGE_FULL)

    def is_open(self, place: Place) -> bool:
        """Whether the shard is open now."""
        return place in self._open

    def make(self, place: Place) -> None:
        """Open the shard, making it where there is none."""
        with self._lease(place, make=True):
            pass

    @contextmanager
    def lease(self, place: Place) -> Iterator[OpenShard | None]:
        """The shard, kept open while it is used; None when there is none."""
        with self._lease(place, make=False) as entry:
            yield entry if entry.shard is not None else None

    @contextmanager
    def _lease(self, place: Place, *, make: bool) -> Iterator[OpenShard]:
        entry = self._enter(place)
        try:
            with entry.opening:
                if entry.shard is None and (make or sealing.current(self._folder(place)) is not None):
                    self._load_or_create(place, entry)
            yield entry
        finally:
            self._leave(place, entry)

    def is_due(self, place: Place) -> bool:
        """Whether so much was written that it should be sealed: of a large one more, since all of it is copied for that."""
        entry = self._open.get(place)
        return entry is not None and entry.unsealed - entry.tried >= max(self.seal_at, min(entry.points // sealing.PART, sealing.MOST))

    def seal(self, place: Place, *, anew: bool = False) -> None:
        """Move what was written out of memory. Nobody may write meanwhile; it is searched as before.

        With `anew` nothing is left in its files of points that are gone; then it raises INDEX_UNAVAILABLE where that failed.
        """
        with self.lease(place) as entry:
            if entry is None or entry.folder is None:
                return
            entry.tried = entry.unsealed
            with told("sealing"):
                flush(entry)
            folder = sealing.sealed(self._folder(place), entry.folder, _dimension(place), began=self._began, anew=anew)
            if folder is None:
                if anew:
                    raise AppError(Code.INDEX_UNAVAILABLE, "The search index could not be written anew; the log says why.")
                return
            fresh = OpenShard(frequencies=entry.frequencies, changed=entry.changed, writes=entry.writes, counted=entry.counted)
            self._warm(folder)
            with told("opening"):
                self._fill(fresh, folder, _dimension(place))
            with self._turn:
                self._open[place] = fresh
        with self._turn:
            self._turn.wait_for(lambda: not entry.users)
            # Flushing it once more would bring its folder back.
            entry.shard.close()
            sealing.tidy(self._folder(place))
        give_back()

    def _warm(self, folder: Path) -> None:
        warming.warm(folder, going=lambda: not self._closed)

    def _began(self, process: BaseProcess) -> None:
        with self._turn:
            self._sealing = process
            if self._closed:
                process.kill()

    def searched(self, company_id: str, present: Makers) -> Makers:
        """What made the tenant's index that is searched; from now on it stays that one until `point_to` another."""
        with self._turn, told("opening"):
            self._lock_folder()
            makers = pointer.searched(self._root, company_id, present)
            if not collections.pointer_file(self._root, company_id).exists():
                pointer.point_to(self._root, company_id, makers)
            return makers

    def named(self, company_id: str) -> Makers | None:
        """What made the tenant's index that is searched; None where there is none."""
        with self._turn:
            self._lock_folder()
            return pointer.named(self._root, company_id)

    def held(self, company_id: str, present: Makers) -> int | None:
        """How many Documents the tenant's index has, 0 where there is none; None where only counting tells, or others made it."""
        makers = self.named(company_id)
        if makers is None:
            return 0
        folder = sealing.current(self._folder((company_id, makers)))
        return held.noted(folder) if makers == present and folder is not None else None

    def untidy(self, company_ids: Collection[str]) -> list[str]:
        """Those of the tenants that have more than one folder."""
        folders = ((company_id, collections.tenant_folder(self._root, company_id)) for company_id in company_ids)
        return [company_id for company_id, own in folders if own.exists() and sum(each.is_dir() for each in own.iterdir()) > 1]

    def point_to(self, place: Place) -> None:
        """Let this one be searched."""
        with self._turn, told("switching"):
            self._lock_folder()
            pointer.point_to(self._root, *place)

    def keep_only(self, company_id: str, wanted: Collection[Makers]) -> None:
        """Delete all of a tenant's but those that these made, once nobody uses them."""
        with self._turn:
            self._lock_folder()
            self._close_all(company_id, but=wanted)
            kept = [self._folder((company_id, makers)) for makers in wanted]
            for folder in collections.tenant_folder(self._root, company_id).iterdir():
                if folder.is_dir() and not any(sealing.belongs(folder, shard) for shard in kept):
                    shutil.rmtree(folder)

    def drop(self, company_id: str) -> None:
        """Delete all indexes of the tenant, once nobody uses them."""
        with self._turn:
            self._lock_folder()
            self._close_all(company_id)
            folder = collections.tenant_folder(self._root, company_id)
            if folder.exists():
                shutil.rmtree(folder)

    def _close_all(self, company_id: str, but: Collection[Makers] = ()) -> None:
        def mine() -> list[Place]:
            return [place for place in self._open if place[0] == company_id and place[1] not in but]

        self._turn.wait_for(lambda: not any(self._open[place].users for place in mine()))
        for place in mine():
            close_shard(self._open.pop(place))

    def close(self) -> None:
        """Flush and close all; waits for calls that are under way."""
        with self._turn:
            self._closed = True
            if self._sealing is not None and self._sealing.is_alive():
                # What is lost is done again.
                self._sealing.kill()
            self._turn.wait_for(lambda: not any(entry.users for entry in self._open.values()))
            while self._open:
                close_shard(self._open.popitem()[1])
            if self._folder_lock is not None:
                self._folder_lock.close()
                self._folder_lock = None

    def _enter(self, place: Place) -> OpenShard:
        with self._turn:
            if self._closed:
                raise AppError(Code.INDEX_UNAVAILABLE, "The search index is closed: the server is stopping.")
            self._lock_folder()
            entry = self._open.setdefault(place, OpenShard())
            self._open.move_to_end(place)
            entry.users += 1
            self._close_idle()
            return entry

    def _leave(self, place: Place, entry: OpenShard) -> None:
        with self._turn:
            entry.users -= 1
            if entry.shard is None and not entry.users:
                # There was none, or it could not be opened; the next call looks again.
                self._open.pop(place, None)
            self._turn.notify_all()

    def _close_idle(self) -> None:
        # Before every call: what is looked at here grows with the excess, not with all that are open.
        excess = max(0, len(self._open) - self._max_open)
        for place in list(islice((place for place, entry in self._open.items() if not entry.users), excess)):
            close_shard(self._open.pop(place))

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

    def _folder(self, place: Place) -> Path:
        return collections.shard_folder(self._root, *place)

    def _load_or_create(self, place: Place, entry: OpenShard) -> None:
        folder = self._folder(place)
        dimension = _dimension(place)
        # Opening one writes too: what its log holds.
        self.check_room()
        with told("opening"):
            if sealing.current(folder) is None:
                # Made aside and then renamed: a process killed in between leaves nothing that can't be opened.
                making = folder.with_suffix(".making")
                shutil.rmtree(making, ignore_errors=True)
                making.parent.mkdir(parents=True, exist_ok=True)
                create_shard(making, dimension)
                making.rename(folder)
            sealing.tidy(folder)
            found = sealing.current(folder) or folder
            self._warm(found)
            self._fill(entry, found, dimension)
            # One that was never sealed is, at its next change.
            known = sealing.remembered(found)
            entry.unsealed = entry.points if known is None else known

    def _fill(self, entry: OpenShard, folder: Path, dimension: int | None) -> None:
        entry.shard, entry.folder = load_shard(folder, dimension), folder
        entry.points = about(entry.shard)
        # While nobody else has it: what is mapped of a shard in use may be unmapped at any moment, and something else lie there.
        release_holes(folder)


def _dimension(place: Place) -> int | None:
    return place[1].dimension if place[1].dense else None
