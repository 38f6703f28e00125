"""Memory that the engine took and does not need, given back to the system."""

import ctypes
import os
import resource
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_MAPS: Final = Path("/proc/self/maps")
"""https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html"""
_DONT_NEED: Final = 4
"""MADV_DONTNEED: https://man7.org/linux/man-pages/man2/madvise.2.html"""
_WORTH: Final = 1 << 16
"""Bytes. Small files lie far from the large ones, and would have to be looked for."""
_FAR: Final = 200
"""Lines of other files, behind which no more of a shard is looked for."""


def give_back() -> None:
    """Return to the system what closed shards left free: the C library keeps it otherwise, 50 MB behind each sealing."""
    # Others than glibc's (musl, macOS) give it back by themselves.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def release_holes(folder: Path) -> None:
    """Let go of the empty pages of the files that a shard maps: 18 of the 26 MB that a small one takes.

    The shard was just opened and nobody uses it yet: what is unmapped meanwhile could make room for something else. The engine makes
    files of megabytes for each filtered field and for its log, and reads all of them when it opens them. What was written stays; an
    empty page is looked up again when it is next touched.
    """
    if not _MAPS.exists():
        return
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    empty = {str(path): holes for path in folder.resolve().rglob("*") if path.is_file() and (holes := _holes(path))}
    for mapped in _mapped(empty):
        with suppress(OSError), Path(mapped.path).open("rb") as file:
            for begin, end in empty[mapped.path]:
                first, last = max(begin, mapped.offset), min(end, mapped.offset + mapped.size)
                if first < last:
                    advise(mapped.address + first - mapped.offset, last - first, _DONT_NEED)
                    os.posix_fadvise(file.fileno(), first, last - first, os.POSIX_FADV_DONTNEED)


class _Mapped(NamedTuple):
    """A part of a file, in bytes, and where this process has it in memory."""

    path: str
    offset: int
    size: int
    address: int


def _mapped(paths: Collection[str]) -> Iterator[_Mapped]:
    """Where these files are mapped, together with other processes (`s`).

    The system maps what is new below what is old, and a shard's large files side by side: where a thousand shards are open, these are found
    among the first of 50,000 lines. Where a file is mapped twice, and once far off, that one stays as it is.
    """
    unseen, since = set(paths), 0
    with _MAPS.open("rb") as lines:
        for line in lines:
            path = os.fsdecode(line[line.find(b"/") :].rstrip(b"\n"))
            if path in paths:
                addresses, permissions, offset, _ = line.split(None, 3)
                if permissions.endswith(b"s"):
                    begin, end = (int(each, 16) for each in addresses.split(b"-"))
                    yield _Mapped(path, int(offset, 16), end - begin, begin)
                    unseen.discard(path)
                    since = 0
            since += 1
            if not unseen and since > _FAR:
                return


def _holes(path: Path) -> list[tuple[int, int]]:
    """Where nothing was ever written in a file, in whole pages, where it is worth a call; nowhere if the file system can't tell."""
    page, found, at = resource.getpagesize(), list[tuple[int, int]](), 0
    with suppress(OSError), path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        while at < size:
            hole = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            try:
                at = os.lseek(file.fileno(), hole, os.SEEK_DATA)
            except OSError:
                # Nothing follows.
                at = size
            first, last = -(-hole // page) * page, at // page * page
            if last - first >= _WORTH:
                found.append((first, last))
    return found
