"""What made-up providers of models say where a test does not: values that fit a schema, vectors of texts."""

import hashlib
import struct
from typing import Any

Json = dict[str, Any]


def example(schema: Json, name: str = "") -> Any:
    """A value that fits a JSON Schema of the kinds that structured outputs allow."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {key: example(value, key) for key, value in schema["properties"].items()}
        case "array":
            return [example(schema["items"], name)]
        case "boolean":
            return True
        case "integer" | "number":
            return 1
    return "ko" if name == "language" else f"{name} 예시"


def vector(text: str, dimension: int) -> list[float]:
    """The same for the same text; not normalized, as some servers' are not."""
    digest = hashlib.shake_256(text.encode()).digest(dimension * 2)
    return [value / 1000 - 30 for (value,) in struct.iter_unpack("<H", digest)]
