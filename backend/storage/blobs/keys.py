"""Which keys a blob may have: a path that can't leave its tenant's folder."""

import re
from typing import Final

from backend.core.errors import AppError, Code

_SEGMENT_BYTES: Final = 200
_KEY_BYTES: Final = 900
"""File systems take 255 bytes a name; object stores 1,024 a key, with the tenant's prefix."""
_NO_NAME: Final = re.compile(r"[\x00-\x1f\x7f\\]|\A\.{0,2}\Z")


def check_key(key: str) -> tuple[str, ...]:
    """The key's segments. Raises INVALID_REQUEST for one that is empty, absolute, too long or steps out of its folder."""
    segments = tuple(key.split("/"))
    if not all(_is_name(segment) for segment in segments) or len(key.encode()) > _KEY_BYTES:
        raise AppError(Code.INVALID_REQUEST, "A file key must be names joined by '/', each of 1 to 200 bytes, without '.' or '..'.")
    return segments


def check_prefix(prefix: str) -> tuple[str, ...]:
    """The segments of a prefix, none for `""`; a trailing slash is allowed."""
    bare = prefix.removesuffix("/")
    return check_key(bare) if bare or prefix else ()


def _is_name(segment: str) -> bool:
    """Whether it is a plain name on any file system."""
    if _NO_NAME.search(segment):
        return False
    try:
        return len(segment.encode()) <= _SEGMENT_BYTES
    except UnicodeEncodeError:
        return False
