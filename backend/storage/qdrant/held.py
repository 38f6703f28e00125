"""How many Documents a shard held when it was closed: a start that knows need not open every tenant's.

The number lies beside the engine's own files from a clean end until the next write, so where there is one, nothing was lost since.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_FILE: Final = "documents"


def note(folder: Path, documents: int) -> None:
    """Write the number down; the shard's own files are on the disk."""
    # Where there is no room for it, the next start opens the shard and counts.
    with suppress(OSError):
        (folder / _FILE).write_text(f"{documents}\n", encoding="ascii")


def noted(folder: Path) -> int | None:
    """The number; None where it is not known."""
    try:
        text = (folder / _FILE).read_text(encoding="ascii")
        return int(text) if text.endswith("\n") else None
    except (OSError, ValueError):
        return None


def forget(folder: Path) -> None:
    """Before a write: the number must be gone from the disk before anything is in it that could be lost."""
    with suppress(FileNotFoundError):
        (folder / _FILE).unlink()
        directory = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
