"""Where a stream stands, as a Struct of its adapter and as what a cursor keeps of it."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

P = TypeVar("P", bound=Struct)


def kept(position: Struct) -> dict[str, Any]:
    """The position as a cursor keeps it: through JSON, so that it is the same before and after it was stored."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(position))
    return found


def position_of(stored: Any, kind: type[P]) -> P:
    """A cursor's position; one that can't be read starts from the beginning, which loses nothing."""
    try:
        return msgspec.convert(stored, kind)
    except msgspec.ValidationError:
        return kind()
