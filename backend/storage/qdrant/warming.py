"""Sealed files of an open shard into the operating system's cache, out of which the engine takes them whenever it closes a shard.

So after a start, and after sealing, every search would wait for the disk at some eighty places: the terms of the question, and text and
terms of each point that is found. What is read here becomes no memory of the process: the system takes its pages back when it needs them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20
_OWN: Final = "vector_storage-dense"
"""The engine reads dense vectors by itself when it opens a shard."""


def warm(folder: Path, *, going: Callable[[], bool]) -> None:
    """Read what searches of this shard look up, for as long as it is wanted; a file that goes meanwhile is left out."""
    piece = bytearray(_PIECE)
    for path in sorted((folder / "segments").rglob("*")):
        if _OWN in path.parts or not path.is_file():
            continue
        try:
            with path.open("rb", buffering=0) as file:
                while going() and _next_data(file.fileno()) and file.readinto(piece):
                    pass
        except OSError:
            # Another generation took the place of this one, or the disk fails, which the search that needs the file tells better.
            continue


def _next_data(file: int) -> bool:
    """Go on to what was written, beyond room that was only set aside; False where nothing follows."""
    try:
        os.lseek(file, os.lseek(file, 0, os.SEEK_CUR), os.SEEK_DATA)
    except OSError:
        return False
    return True
