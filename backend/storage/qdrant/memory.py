"""Memory that the engine took and does not need, given back to the system."""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_MAPS: Final = Path("/proc/self/maps")
"""https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html"""
_DONT_NEED: Final = 4
"""MADV_DONTNEED: https://man7.org/linux/man-pages/man2/madvise.2.html"""


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
    # With a thousand open shards these are 50,000 lines: they are searched and not read.
    for each in _mapped(_MAPS.read_bytes(), folder):
        # Where a file system can't tell holes, memory is as before.
        with suppress(OSError), each.path.open("rb") as file:
            for begin, end in _holes(file.fileno(), each.offset, each.offset + each.size):
                advise(each.address + begin - each.offset, end - begin, _DONT_NEED)
                os.posix_fadvise(file.fileno(), begin, end - begin, os.POSIX_FADV_DONTNEED)


class _Mapped(NamedTuple):
    """A part of a file, in bytes, and where this process has it in memory."""

    path: Path
    offset: int
    size: int
    address: int


def _mapped(maps: bytes, folder: Path) -> Iterator[_Mapped]:
    """What is mapped of the files of a folder, together with other processes (`s`)."""
    wanted = f" {folder.resolve()}/".encode()
    at = maps.find(wanted)
    while at >= 0:
        line = maps[maps.rfind(b"\n", 0, at) + 1 : maps.find(b"\n", at)]
        addresses, permissions, offset, _, _, path = line.split(None, 5)
        if permissions.endswith(b"s") and not path.endswith(b" (deleted)"):
            begin, end = (int(each, 16) for each in addresses.split(b"-"))
            yield _Mapped(Path(os.fsdecode(path)), int(offset, 16), end - begin, begin)
        at = maps.find(wanted, at + 1)


def _holes(file: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Where nothing was ever written between two places of a file, in whole pages."""
    page = resource.getpagesize()
    size = os.fstat(file).st_size
    at = begin
    while at < min(end, size):
        hole = os.lseek(file, at, os.SEEK_HOLE)
        try:
            at = os.lseek(file, hole, os.SEEK_DATA)
        except OSError:
            # Nothing follows.
            at = size
        first, last = -(-hole // page) * page, min(at, end) // page * page
        if first < last:
            yield first, last
