"""Where it is kept what webhooks told of until it is read (SPEC A8)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from backend.core.model.webhook import Nudge


class NudgeStore(Protocol):
    """What is to be read of a tenant's helpdesks because they told of it, each item once."""

    async def note(self, nudges: Sequence[Nudge]) -> None:
        """Keep them; an item that is told of again keeps its `at` and gets the newer `mark`."""
        ...

    async def due(self, connection_id: str, before: datetime | None, limit: int) -> list[Nudge]:
        """Those noted at or before that moment, or all, oldest first."""
        ...

    async def done(self, nudges: Sequence[Nudge]) -> None:
        """They were read. One that was told of again meanwhile (its `mark` is another) stays."""
        ...

    async def seen(self, connection_id: str, digests: Collection[str]) -> set[str]:
        """Which of these deliveries were taken before."""
        ...

    async def remember(self, connection_id: str, digests: Collection[str], at: datetime) -> None:
        """These deliveries are taken."""
        ...

    async def forget(self, connection_id: str, before: datetime) -> None:
        """Forget deliveries taken before that moment: they are too old to be believed anyway."""
        ...
