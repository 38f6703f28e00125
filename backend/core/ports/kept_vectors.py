"""Vectors as they are kept: under which key, and in which form."""

from array import array
from collections.abc import Sequence

from backend.core.ids import text_hash
from backend.core.ports.llm import Embedder, masking_of


def vector_key(embedder: Embedder, text: str) -> str:
    """The key a text's vector is kept under: the same text and model are never paid for twice."""
    return text_hash("vector-1", masking_of(embedder), embedder.provider, embedder.model, str(embedder.dimension), text)


def encode(vector: Sequence[float]) -> bytes:
    """A vector as the cache keeps it: 32-bit floats."""
    return array("f", vector).tobytes()


def decode(data: bytes) -> list[float]:
    """A kept vector."""
    return array("f", data).tolist()
