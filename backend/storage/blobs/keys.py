"""Which keys a blob may have: a path that can't leave its tenant's folder."""

from backend.core.errors import AppError, Code

_SEGMENT_BYTES = 200
_KEY_BYTES = 900
"""File systems take 255 bytes a name; object stores 1,024 a key, with the tenant's prefix."""


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
    if segment in ("", ".", "..") or "\\" in segment or any(ord(letter) < 32 or ord(letter) == 127 for letter in segment):
        return False
    try:
        return len(segment.encode()) <= _SEGMENT_BYTES
    except UnicodeEncodeError:
        return False
