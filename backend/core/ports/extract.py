"""Reading the text in files."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct


class TextPiece(Struct, frozen=True, kw_only=True):
    """A page, a sheet or a section of a file."""

    text: str
    page: int | None = None
    """One-based."""
    heading: str = ""


class Extracted(Struct, frozen=True, kw_only=True):
    """What a file holds. No pieces: there is no text in it (a photograph, a scan where OCR is not at hand)."""

    content_type: str
    """Sniffed from the bytes."""
    pieces: tuple[TextPiece, ...]
    truncated: bool = False
    """There was more text than the limit."""
    waiting: bool = False
    """There are pictures of text in it that were not recognized, for want of `ocr`."""
    pictured: bool = False
    """It was read once more for the words in its pictures."""


class TextExtractor(Protocol):
    """Reads files in a process of its own that is killed when it takes too long or too much memory."""

    async def extract(self, file: Path | bytes, name: str, *, ocr: bool = True) -> Extracted:
        """The text of a file (a small one as its bytes), its type decided by its bytes first and its name second.

        Without `ocr` the words in pictures are left, which takes milliseconds where recognizing them takes seconds.

        Raises ATTACHMENT_EMPTY, _ENCRYPTED, _UNREADABLE, _UNSUPPORTED, _TOO_LARGE or _TIMED_OUT.
        """
        ...

    async def close(self) -> None:
        """Let go of the processes."""
        ...
