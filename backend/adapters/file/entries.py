"""What the catalog tells: files, tickets, and where the rows of a ticket are."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import Sheet


class Kind:
    """What a file was found to be."""

    TICKETS: Final = "tickets"
    DOCUMENT: Final = "document"
    BROKEN: Final = "broken"
    ARTICLES: Final = "articles"
    """Of an account export."""
    NAMES: Final = "names"
    """People and companies of an account export: what tickets call by number."""
    PASSED_OVER: Final = "passed_over"
    """Of an account export, without knowledge."""


class FileEntry(NamedTuple):
    """A file as the catalog knows it."""

    file: int
    path: str
    stamp: str
    declared: str
    kind: str
    size: int
    modified: datetime
    sheet: Sheet | None
    code: str
    problem: str
    role: str = ""
    """What it is by itself in an account export: `freshdesk/tickets`; empty: nothing of one."""

    @property
    def found(self) -> Found:
        """As its place names it."""
        return Found(path=self.path, size=self.size, stamp=self.stamp, modified=self.modified)


class TicketEntry(NamedTuple):
    """A ticket and in which version it is there."""

    key: str
    at: int
    version: str
    """Sorts as the tickets changed, and is another one for every change."""


class Span(NamedTuple):
    """Where a row of a ticket is."""

    file: int
    start: int
    size: int
    number: int
    problem: str


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return round(at.timestamp() * 1_000_000)


def moment(at: int) -> datetime:
    """The moment of so many microseconds."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
