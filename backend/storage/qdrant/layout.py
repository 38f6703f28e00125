"""How a point lies in the embedded index: a few fields to filter by, and all of the payload as one text.

A field with an index of its own takes nine of the memory maps that the system allows a process (65,530 by default), six files to open,
and some time of every write; a value takes 7 microseconds on its way into the engine. So what is filtered by value shares one field.
A server's collections keep the payload as it is, for others to read (`payload`).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from backend.core.model.search import Point
from backend.storage.qdrant.filters import AnyOf
from backend.storage.qdrant.payload import to_payload

DOCUMENT: Final = "document_id"
AUDIENCE: Final = "audience"
"""Apart from the others: nearly every search filters by it, and one value is compared faster than a list."""
FACETS: Final = "facets"
"""`name:value` of everything else that is filtered by value."""
EPOCH: Final = "updated_epoch"
KEYWORDS: Final = (DOCUMENT, AUDIENCE, FACETS)
NUMBERS: Final = (EPOCH,)

_TEXT: Final = "point"
_METADATA: Final = "metadata."
_SHARED: Final = ("doc_type", "platform", "status", "product", "tags", "language", "visibility", "groups")
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def to_stored(point: Point) -> dict[str, Any]:
    """What the engine keeps beside the vectors."""
    payload = to_payload(point)
    metadata = payload["metadata"]
    stored = {name: metadata[name] for name in (DOCUMENT, AUDIENCE, EPOCH) if name in metadata}
    stored[FACETS] = [f"{name}:{value}" for name in _SHARED if name in metadata for value in _each(metadata[name])]
    stored[_TEXT] = _encode(payload).decode()
    return stored


def to_payload_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The payload, as `to_payload` made it."""
    return _decode(stored[_TEXT])


def is_present(stored: Mapping[str, Any]) -> bool:
    """Whether it was stored in this layout; one in another is written anew at start (0046)."""
    return _TEXT in stored


def field_of(key: str) -> str:
    """The field by which `metadata.NAME` is filtered."""
    name = key.removeprefix(_METADATA)
    return FACETS if name in _SHARED else name


def values_of(condition: AnyOf) -> list[str]:
    """The values of that field that fulfil the condition."""
    name = condition.key.removeprefix(_METADATA)
    return [f"{name}:{value}" for value in condition.values] if name in _SHARED else condition.values


def _each(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
