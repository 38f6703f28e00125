"""The data folder: made where it is missing, and a clear word where it can't be."""

import os
from pathlib import Path
from typing import Final

from backend.core.errors import AppError, Code

DATABASE: Final = "desklore.db"
"""The SQLite file in it."""


def make_folder(data: Path) -> None:
    """Make the data folder, readable by this user alone: customers' words lie in there. Raises STORAGE_UNAVAILABLE. Blocks."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        writable = os.access(data, os.W_OK | os.X_OK)
    except OSError as error:
        reason, writable = error.strerror or type(error).__name__, False
    else:
        reason = "it is not writable"
    if not writable:
        advice = f"The data folder {data} can't be used: {reason}. Set DESKLORE_DATA_DIR to a folder that this user may write."
        raise AppError(Code.STORAGE_UNAVAILABLE, advice)
