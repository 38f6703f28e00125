"""What becomes of a Document that could not be processed."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code, Retry
from backend.core.model.budget import month_of, standing_of
from backend.core.model.document import DocState, Document
from backend.core.ports.database import UnitOfWork

MAX_ATTEMPTS = 5
RETRY_MINUTES = 2.0
"""Before the second attempt at a Document that failed by itself; twice as long before each further one."""
PROVIDER_DOWN_SECONDS = 30.0


def failed(document: Document, error: AppError) -> Document:
    """Failed by itself, to be tried again where that may help; what is never tried by itself waits for `retry_failed`."""
    attempts = document.attempts + 1
    again = error.retry is Retry.LATER and attempts < MAX_ATTEMPTS
    return msgspec.structs.replace(
        document,
        state=DocState.FAILED,
        state_reason=error.message,
        error_code=error.code.value,
        attempts=attempts,
        next_try_at=clock.now() + timedelta(minutes=RETRY_MINUTES * 2 ** (attempts - 1)) if again else None,
    )


def until_paid(document: Document, error: AppError) -> Document:
    """Pending until the budget begins anew; raising it lets it go on at once (`usecases/budgets.py`)."""
    at = clock.now() + timedelta(seconds=error.retry_after or PROVIDER_DOWN_SECONDS)
    return msgspec.structs.replace(document, state_reason=error.message, error_code=error.code.value, next_try_at=at)


async def still_waiting(uow: UnitOfWork, documents: Sequence[Document]) -> list[Document]:
    """The postponed Documents as they go back; those that the budget held up wait no more where it was raised meanwhile.

    Whoever raised it let those go on that waited by then; these were not among them.
    """
    refused = [document.error_code == Code.LLM_BUDGET_USED_UP.value for document in documents]
    paid = False
    if any(refused):
        now = clock.now()
        rows = await uow.usage.list(month_of(now), now.date())
        paid = standing_of(await uow.budgets.list(), rows, now).resumes_at is None
    at_once = {"error_code": None, "state_reason": "", "next_try_at": None}
    return [
        msgspec.structs.replace(document, state=DocState.PENDING, **(at_once if paid and was_refused else {}))
        for document, was_refused in zip(documents, refused, strict=True)
    ]
