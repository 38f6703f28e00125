"""Where answers, thumbs on them and the audit log live; otherwise as in stores.py."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from backend.core.model.answer import Answer
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.tenant import AuditEntry


class FeedbackStore(Protocol):
    """Answers given, and thumbs on them."""

    async def put_answer(self, answer: Answer) -> None:
        """Keep an answer, so that feedback can point to it."""
        ...

    async def get_answer(self, answer_id: str) -> Answer | None:
        """One by id."""
        ...

    async def put(self, feedback: Feedback) -> None:
        """Insert; a later one of the same caller on the same thing for the same question replaces it; NONE removes it.

        NONE for a Document without a question removes all the caller said of it.
        """
        ...

    async def of_documents(self, document_ids: Collection[str]) -> list[Feedback]:
        """All thumbs on these Documents."""
        ...

    async def list(
        self, *, rating: Rating | None = None, since: datetime | None = None, limit: int = 50, after: str | None = None
    ) -> tuple[list[Feedback], str | None]:
        """A page of thumbs, newest first, and the cursor of the next page. Raises INVALID_REQUEST for a cursor that is not ours."""
        ...

    async def version(self) -> str:
        """Another text after each change of the tenant's thumbs; good for comparing only."""
        ...


class AuditStore(Protocol):
    """Who did what."""

    async def add(self, entry: AuditEntry) -> None:
        """Write one; there is no changing or deleting."""
        ...

    async def list(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        action: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> tuple[list[AuditEntry], str | None]:
        """A page of those at or after `since` and before `until`, newest first, and the cursor of the next page.

        Raises INVALID_REQUEST for a cursor that is not ours.
        """
        ...
