"""Files of a shard into the operating system's cache, out of which the engine takes them whenever it closes a shard.

Opening a shard reads half of them place by place and holds the interpreter's lock meanwhile: where it waits for the disk, all else waits
too. And every search would wait for it at some eighty places: the terms of the question, and text and terms of each point.
What is read here becomes no memory of the process: the system takes its pages back when it needs them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20


def warm(folder: Path, *, going: Callable[[], bool]) -> None:
    """Read the shard's files one after the other, for as long as it is wanted; what can't be read is left out."""
    piece = bytearray(_PIECE)
    for path in sorted((folder / "segments").rglob("*")):
        if not path.is_file():
            continue
        try:
            with path.open("rb", buffering=0) as file:
                while going() and _next_data(file.fileno()) and file.readinto(piece):
                    pass
        except OSError:
            # What the engine can't do without it tells better.
            continue


def _next_data(file: int) -> bool:
    """Go on to what was written, beyond room that was only set aside; False where nothing follows."""
    try:
        os.lseek(file, os.lseek(file, 0, os.SEEK_CUR), os.SEEK_DATA)
    except OSError:
        return False
    return True
