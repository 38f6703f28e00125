"""What the parent process and a worker say to each other: one JSON object a line, a small file's bytes right behind it."""

from msgspec import Struct

from backend.core.ports.extract import Extracted


class Request(Struct, frozen=True, kw_only=True):
    """Read this file."""

    path: str = ""
    """Empty: the bytes follow the line."""
    size: int = 0
    """How many bytes follow."""
    name: str
    max_chars: int
    seconds: float
    ocr: bool = True


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of it: text, or an error code with its message."""

    extracted: Extracted | None = None
    code: str = ""
    message: str = ""
