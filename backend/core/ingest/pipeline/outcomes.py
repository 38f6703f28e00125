"""What becomes of a Document that could not be processed."""

from datetime import timedelta

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Retry
from backend.core.model.document import DocState, Document

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
