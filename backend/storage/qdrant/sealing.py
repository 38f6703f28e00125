"""Moving points of the embedded index out of memory, into files, in another process and into a folder beside.

A new point is kept in the engine's memory, about 3 kB of it: its terms, its filtered fields, its id. `optimize()` writes them into segments
that are read from files, but holds the interpreter's lock meanwhile. So the folder is copied, the copy is sealed by a process of
its own, and is opened instead. Nothing is written to the index meanwhile; it is searched all the time.

    <shard>          as it was made
    <shard>.g1       sealed once, .g2 sealed twice; the one with the highest number counts, the others are leftovers
    <shard>.sealing-<pid>  being made for this process; renamed when it is whole. Who is killed leaves behind not only
                     the folder, but for some seconds also the process that writes in it: the next one must not use it too.
"""

import os
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import structlog

from backend.core.errors import AppError
from backend.storage.qdrant.engine import copy_points, create_shard, load_shard, told

log = structlog.get_logger(__name__)

POINTS: Final = 32_768
"""So many written points are sealed: some 100 MB, and some seconds in which nothing is written."""
PART: Final = 8
"""Of an index with more than eight times as many points: an eighth of it,"""
MOST: Final = 2 * POINTS
"""and no more than these, some 200 MB."""
_UNSEALED: Final = "unsealed"
"""Beside the engine's own files, and copied with them."""
_GENERATION: Final = re.compile(r"\.g(\d+)$")


def current(shard: Path) -> Path | None:
    """The folder that counts; None where there is none."""
    return max(_generations(shard), key=_number, default=None)


def tidy(shard: Path) -> None:
    """Delete what a killed process left beside the folder that counts."""
    counts = current(shard)
    for left in shard.parent.glob(f"{shard.name}.sealing*"):
        shutil.rmtree(left, ignore_errors=True)
    for folder in _generations(shard):
        if folder != counts:
            shutil.rmtree(folder, ignore_errors=True)


def belongs(folder: Path, shard: Path) -> bool:
    """Whether it is a generation of this shard."""
    return folder in _generations(shard)


def remember(folder: Path, unsealed: int) -> None:
    """Write down how many points of it are not sealed, for the next process that opens it."""
    # Where there is no room for it either, the next one seals somewhat too early or late.
    with suppress(OSError):
        (folder / _UNSEALED).write_text(str(unsealed), encoding="ascii")


def remembered(folder: Path) -> int | None:
    """What `remember` wrote; None where nothing can be read."""
    try:
        return int((folder / _UNSEALED).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def sealed(shard: Path, counts: Path, dimension: int | None, *, began: Callable[[BaseProcess], None], anew: bool = False) -> Path | None:
    """A sealed copy of the generation that counts, which has to be flushed; None where none could be made, which harms nothing.

    With `anew` it is written point by point, so that nothing of deleted ones is in its files.
    `began` is told the process, to end it where nobody wants to wait for it.
    """
    making = _making(shard)
    try:
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(counts, making)
        # Fork would copy threads of this process into a state nobody can rely on.
        process = get_context("spawn").Process(target=_seal, args=(making, dimension, anew), daemon=True)
        process.start()
        began(process)
        process.join()
        if process.exitcode == 0:
            remember(making, 0)
            return making.rename(shard.with_name(f"{shard.name}.g{_number(counts) + 1}"))
        log.warning("index_not_sealed", exit_code=process.exitcode)
    except OSError as error:
        # No room for a copy, or no process to be had.
        log.warning("index_not_sealed", reason=str(error))
    shutil.rmtree(making, ignore_errors=True)
    return None


def _seal(folder: Path, dimension: int | None, anew: bool) -> None:
    """In a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with told("sealing"):
            if anew:
                _write_anew(folder, dimension)
            shard = load_shard(folder, dimension)
            shard.optimize()
            shard.flush()
            shard.close()
        # The copied files too have to be on the disk before the originals are deleted.
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as copied:
                    os.fsync(copied.fileno())
    except AppError as error:
        raise SystemExit(str(error)) from None


def _write_anew(folder: Path, dimension: int | None) -> None:
    """Put a shard with the same points in the place of this one."""
    before = folder.with_name(f"{folder.name}-before")
    shutil.rmtree(before, ignore_errors=True)
    folder.rename(before)
    create_shard(folder, dimension)
    old, new = load_shard(before, dimension), load_shard(folder, dimension)
    copy_points(old, new)
    old.close()
    new.flush()
    new.close()
    shutil.rmtree(before)


def _generations(shard: Path) -> list[Path]:
    beside = [path for path in shard.parent.glob(f"{shard.name}.g*") if path.name == f"{shard.name}.g{_number(path)}"]
    return [*([shard] if shard.exists() else ()), *beside]


def _number(folder: Path) -> int:
    found = _GENERATION.search(folder.name)
    return int(found[1]) if found else 0


def _making(shard: Path) -> Path:
    return shard.with_name(f"{shard.name}.sealing-{os.getpid()}")
