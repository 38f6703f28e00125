"""A place in a list that is ordered by time, newest first: what a cursor of ours says."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, or_

from backend.core.errors import AppError, Code

_FORM = "v1"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: the next page begins right after it, whatever was added or changed meanwhile."""

    at: datetime
    row_id: str

    def text(self) -> str:
        """The cursor, opaque and safe in a URL."""
        plain = f"{_FORM}|{self.at.astimezone(UTC).isoformat()}|{self.row_id}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """The place a cursor tells. Raises INVALID_REQUEST for a text that is no cursor of ours."""
        try:
            plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
            form, moment, row_id = plain.split("|", 2)
            at = datetime.fromisoformat(moment)
        except (binascii.Error, ValueError):
            raise _unknown() from None
        # Ours are in UTC; of another zone the first and last hours of the calendar are no moment in UTC.
        if form != _FORM or at.utcoffset() != timedelta() or not row_id:
            raise _unknown()
        return cls(at, row_id)

    def before(self, time: ColumnElement[Any], row_id: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition for what comes after this place in the list. The first part is what an index can use."""
        return and_(time <= self.at, or_(time < self.at, row_id < self.row_id))


def cut(found: Sequence[Item], limit: int, place: Callable[[Item], Place]) -> tuple[list[Item], str | None]:
    """A page of what was found, which is up to one more than the limit, and the cursor of the next page where there is one."""
    page = [*found[:limit]]
    return page, place(page[-1]).text() if page and len(found) > limit else None


def _unknown() -> AppError:
    return AppError(Code.INVALID_REQUEST, "The cursor is not one of ours. Leave it out to begin with the first page.")
