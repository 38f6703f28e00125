"""What a Source keeps of an item that takes many calls, until the item is stored (SPEC A6)."""

from datetime import datetime
from typing import Protocol

from backend.core.model.sync import ItemRef


class Halfway(Protocol):
    """Answers of one connection's helpdesk, kept so that a process that is killed half-way through a long item goes on from there.

    What is kept is of the item as it was at `changed_at`, and never given out for another version. It may be gone at any time:
    then it is asked for again. The item's caller drops it once the item is stored; a Source need not.
    """

    async def get(self, ref: ItemRef, changed_at: datetime, number: int) -> bytes | None:
        """What was kept under this number; None where nothing was."""
        ...

    async def put(self, ref: ItemRef, changed_at: datetime, number: int, data: bytes) -> None:
        """Keep an answer. One of an item that changed only just now is not kept: it may change again within the same second."""
        ...
