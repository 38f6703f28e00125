"""BM25-style sparse vectors; the index multiplies the inverse document frequency in."""

from typing import Protocol

from backend.core.model.search import SparseVector


class SparseEncoder(Protocol):
    """Placeholder of the concrete class below."""

    @property
    def id(self) -> str:
        """The tokenizer's id and the encoding's version."""
        ...

    def document(self, text: str) -> SparseVector:
        """Saturated term frequencies."""
        ...

    def query(self, text: str) -> SparseVector:
        """1.0 for each distinct term."""
        ...
