"""Read PDF page by page; scanned pages by OCR where it is at hand."""

import time
from pathlib import Path
from typing import Any, Final

from backend.adapters.file.extract import ocr
from backend.adapters.file.extract.collector import Collector
from backend.core.errors import AppError, Code

_OCR_PAGES: Final = 10
_OCR_DPI: Final = 200
_OCR_PIXELS: Final = 12_000_000
_SCANNED_BELOW: Final = 5
"""A page with fewer characters than this has no text layer worth the name: a page number, a stamp."""


def read_pdf(path: Path, name: str, into: Collector, deadline: float) -> None:
    """Every page's text. `deadline` (monotonic seconds) is when OCR of further pages stops. Raises _ENCRYPTED or _UNREADABLE."""
    import pypdfium2  # noqa: PLC0415 - 20 MB that only PDFs need

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise AppError(Code.ATTACHMENT_ENCRYPTED, f"{name} is protected by a password.") from error
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {error}") from error
    try:
        scanned = 0
        for number in range(len(document)):
            text, page = _page_text(document, number, pypdfium2.PdfiumError)
            if page is not None and len(text.strip()) < _SCANNED_BELOW and ocr.languages():
                if not into.ocr:
                    into.wait()
                    continue
                scanned += 1
                if scanned > _OCR_PAGES or time.monotonic() > deadline:
                    into.cut()
                    return
                text = _scanned_text(page, deadline) or text
            if not into.add(text, page=number + 1):
                return
    finally:
        document.close()


def _page_text(document: Any, number: int, failure: type[Exception]) -> tuple[str, Any]:
    """The text layer and the page; a page that can't be loaded is left out, the others are not."""
    try:
        page = document[number]
        return page.get_textpage().get_text_bounded(), page
    except failure:
        return "", None


def _scanned_text(page: Any, deadline: float) -> str:
    width, height = page.get_size()
    scale = _OCR_DPI / 72
    pixels = width * height * scale * scale
    if pixels > _OCR_PIXELS:
        scale *= (_OCR_PIXELS / pixels) ** 0.5
    return ocr.read_picture(page.render(scale=scale).to_pil(), deadline)
