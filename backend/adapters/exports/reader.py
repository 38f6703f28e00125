"""What an adapter that reads loose files asks a vendor's part about its account export: which file is what, and what a record says.

Everything is pure and needs no helpdesk: names that a record calls by number are given to it, of the export's own files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from backend.core.model.article import Article
from backend.core.model.ticket import Ticket

Record = Mapping[str, Any]
Names = Mapping[str, Any]
"""What `ExportReader.named` told: `user:12` -> JSON."""


class Part(StrEnum):
    """What a file of an account export holds."""

    TICKETS = "tickets"
    ARTICLES = "articles"
    NAMES = "names"
    """People, companies and groups: they name others, and are nothing to be found."""
    NOTHING = "nothing"
    """Settings, roles, time entries and the like."""


class Told(NamedTuple):
    """What a unit tells of itself at first sight."""

    key: str | None
    """The item's id; None where it can't be told."""
    at: datetime | None
    """Its last change."""
    gone: bool
    """Deleted, or spam."""


class ExportReader(Protocol):
    """One vendor's account export. Picklable: files are looked through in other processes."""

    @property
    def platform(self) -> str:
        """`freshdesk`."""
        ...

    def part_of(self, name: str, first: Sequence[Record]) -> Part | None:
        """What a file is by its name and first records; None where that tells nothing."""
        ...

    def part_beside(self, name: str) -> Part | None:
        """The same of a file by its name, where files beside it are known to be of an export."""
        ...

    def units(self, part: Part, record: Record) -> Iterable[Record]:
        """What a record is kept as: a ticket as it is, of a category of articles each article by itself. Raises SOURCE_MALFORMED."""
        ...

    def told(self, part: Part, unit: Record) -> Told:
        """Which item a unit is. Never raises: what is odd is told when the item is made."""
        ...

    def named(self, name: str, record: Record) -> Iterator[tuple[str, Any]]:
        """Names in a record of a file of NAMES: key and JSON value. What can't be read is left out."""
        ...

    def wanted(self, part: Part, unit: Record) -> Iterable[str]:
        """The keys of the names that a unit calls by number. What can't be read is left out."""
        ...

    def kept(self, part: Part, unit: Record) -> Record:
        """What of a unit is archived; `made` makes the same of it."""
        ...

    def made(self, part: Part, name: str, unit: Record, names: Names) -> Ticket | Article:
        """The item; `name` is that of its file. It has no address, and no files: those in an export are dead. Raises SOURCE_MALFORMED."""
        ...
