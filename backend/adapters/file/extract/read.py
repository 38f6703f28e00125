"""Read one file in this process: sniff its type, pick its reader."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from backend.adapters.file.extract.collector import Collector
from backend.adapters.file.extract.image import read_image
from backend.adapters.file.extract.pdf import read_pdf
from backend.adapters.file.extract.plain import read_csv, read_html, read_markdown, read_plain
from backend.adapters.file.extract.sheets import read_sheets
from backend.adapters.file.extract.slides import read_slides
from backend.adapters.file.extract.sniff import Reader, sniff
from backend.adapters.file.extract.word import read_word
from backend.core.errors import AppError, Code
from backend.core.ports.extract import Extracted

_READERS: Final[dict[Reader, Callable[[Path, str, Collector], None]]] = {
    Reader.WORD: read_word,
    Reader.SHEETS: read_sheets,
    Reader.SLIDES: read_slides,
    Reader.CSV: read_csv,
    Reader.HTML: read_html,
    Reader.MARKDOWN: read_markdown,
    Reader.PLAIN: read_plain,
}
_TIMED_READERS: Final[dict[Reader, Callable[[Path, str, Collector, float], None]]] = {
    Reader.PDF: read_pdf,
    Reader.IMAGE: read_image,
}
_OCR_SHARE: Final = 0.7
"""OCR stops after this share of the time, so that what was read until then is returned."""


def read_file(path: Path, name: str, *, max_chars: int, seconds: float, ocr: bool = True) -> Extracted:
    """The text of a file. Raises ATTACHMENT_EMPTY, _ENCRYPTED, _UNREADABLE, _UNSUPPORTED or _TOO_LARGE.

    Nothing here stops a reader that hangs: `process.py` does.
    """
    try:
        file_type = sniff(path, name)
        into = Collector(max_chars, ocr=ocr)
        if file_type.reader in _READERS:
            _READERS[file_type.reader](path, name, into)
        else:
            _TIMED_READERS[file_type.reader](path, name, into, time.monotonic() + seconds * _OCR_SHARE)
    except FileNotFoundError as error:
        raise AppError(Code.ATTACHMENT_NOT_FOUND, f"{name} is no longer there to be read.") from error
    return into.extracted(file_type.content_type)
