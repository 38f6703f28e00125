"""Where it is kept whose data was erased, and how texts that are kept beside Documents are gone through."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from backend.core.model.erasure import Erasure


class TextPlace(StrEnum):
    """Records beside Documents that hold what people wrote."""

    ANSWERS = "answers"
    FEEDBACK = "feedback"
    FAILURES = "failures"
    """The quarantine: its payload, message and hint."""
    CACHED = "cached"
    """Kept results of models, those that are texts."""


class KeptText(Struct, frozen=True, kw_only=True):
    """One such record as JSON, or what a model said as it was kept; its key is a JSON list."""

    key: str
    data: bytes


class ErasureStore(Protocol):
    """The tenant's erasures of people."""

    async def put(self, erasure: Erasure) -> None:
        """Insert or replace."""
        ...

    async def get(self, erasure_id: str) -> Erasure | None:
        """One by id."""
        ...

    async def list(self, limit: int | None = None) -> list[Erasure]:
        """Newest first."""
        ...

    async def version(self) -> str:
        """Another text whenever the hashes to erase by may have changed; empty where there are none. Good for comparing only."""
        ...

    async def texts(self, place: TextPlace, after: str, limit: int) -> Sequence[KeptText]:
        """Records of a place in the order of their keys, those behind `after`."""
        ...

    async def rewrite(self, place: TextPlace, texts: Mapping[str, bytes | None]) -> int:
        """Key -> what stands there from now on, None to delete it; cached results can only be deleted. Returns how many changed."""
        ...
