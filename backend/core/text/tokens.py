"""Cutting text into search terms; Korean without its particles' interference."""

from typing import Protocol


class Tokenizer(Protocol):
    """Turns text into terms. Documents and questions must be cut by the same one: its `id` names the collection."""

    @property
    def id(self) -> str:
        """Name and version, such as `bigram-1`."""
        ...

    def terms(self, text: str) -> list[str]:
        """Terms in order, repeated as often as they occur; lower case, stop words left out."""
        ...
