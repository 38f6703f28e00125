"""Where it is remembered who is still there, and what waits to be deleted (SPEC A7)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from backend.core.model.document import DocType
from backend.core.model.sync import HeldDeletion, ItemRef


class SweepStore(Protocol):
    """Who is still there: what a complete listing names, and deletions that wait for an admin (SPEC A7)."""

    async def begin(self, connection_id: str, run_id: str, doc_type: DocType) -> None:
        """Begin a sweep; what an earlier one saw is forgotten."""
        ...

    async def under_way(self, connection_id: str, run_id: str, doc_type: DocType) -> bool:
        """Whether this run's sweep began and has not ended."""
        ...

    async def sight(self, connection_id: str, run_id: str, refs: Sequence[ItemRef]) -> None:
        """These are there."""
        ...

    async def missing(self, connection_id: str, doc_type: DocType, before: datetime) -> list[str]:
        """original_ids of live Documents stored before that moment which the sweep did not see."""
        ...

    async def live(self, connection_id: str, doc_type: DocType) -> int:
        """How many live Documents there are."""
        ...

    async def end(self, connection_id: str, doc_type: DocType) -> None:
        """Forget what was seen."""
        ...

    async def hold(self, connection_id: str, held: Sequence[HeldDeletion]) -> None:
        """Keep deletions until an admin decides."""
        ...

    async def list_held(self, connection_id: str, limit: int = 100) -> list[HeldDeletion]:
        """By type and id."""
        ...

    async def count_held(self, connection_id: str) -> int:
        """How many wait."""
        ...

    async def drop_held(self, connection_id: str, doc_type: DocType | None = None, original_ids: Collection[str] | None = None) -> None:
        """They were decided on, or looked for anew: all of the connection, all of a type, or these."""
        ...
