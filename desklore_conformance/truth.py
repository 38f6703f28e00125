"""What the conformance suite of Sources knows of a helpdesk, and how it reads a Source."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from backend.core.model.sync import Cursor, ItemRef, Listing, RunOptions, Stream
from backend.core.model.ticket import Attachment, Ticket
from backend.core.ports.source import Source


@dataclass(frozen=True)
class TrueTurn:
    """A conversation that has to be there."""

    original_id: str
    private: bool


@dataclass(frozen=True)
class TrueTicket:
    """A ticket as it is: its turns behind the description, and its files by attachment id."""

    turns: tuple[TrueTurn, ...]
    files: frozenset[str]


class Helpdesk(Protocol):
    """A helpdesk with known contents that a Source can be opened on."""

    def open(self, *, wrong_key: bool = False) -> Source:
        """A Source with a good credential (one that may read everything) or with a wrong one."""
        ...

    def tickets(self) -> Mapping[str, TrueTicket]:
        """The listed tickets by id: at least 201, so that there are several pages; some with files."""
        ...

    def file(self, attachment_id: str) -> bytes:
        """The bytes of one of them."""
        ...

    def articles(self) -> frozenset[str]:
        """The ids of all articles, drafts and canned responses too."""
        ...

    def internal_articles(self) -> frozenset[str]:
        """Those that only agents may see."""
        ...

    def gone(self) -> frozenset[str]:
        """The ids of the tickets in the trash or among the spam."""
        ...

    def archived(self) -> str | None:
        """The id of a ticket that no list names any more, but that is kept; None where the platform has no such thing."""
        ...

    async def change_ticket(self, original_id: str) -> None:
        """Let somebody answer."""
        ...

    async def delete_ticket(self, original_id: str) -> None:
        """Move it to the trash."""
        ...

    async def restore_ticket(self, original_id: str) -> None:
        """Take it out of the trash again."""
        ...


async def pages(source: Source, cursor: Cursor, options: RunOptions | None = None) -> AsyncIterator[Listing]:
    """A stream to its end; every cursor goes through JSON, as the store keeps it."""
    while True:
        listing = await source.list_changes(through_json(cursor), options or RunOptions())
        yield listing
        if listing.last:
            return
        cursor = listing.next


def through_json(cursor: Cursor) -> Cursor:
    """As it is when it comes back from the store."""
    assert msgspec.json.decode(msgspec.json.encode(cursor), type=Cursor) == cursor
    return Cursor(stream=cursor.stream, position=json.loads(json.dumps(cursor.position)))


async def refs_of(source: Source, stream: Stream, options: RunOptions | None = None) -> list[ItemRef]:
    """Everything a stream names from the beginning."""
    return [ref async for listing in pages(source, Cursor(stream=stream), options) for ref in listing.refs]


async def end_of(source: Source, cursor: Cursor) -> Cursor:
    """Where a run that begins at `cursor` ends."""
    last = cursor
    async for listing in pages(source, cursor):
        last = listing.next
    return last


def files_of(ticket: Ticket) -> list[Attachment]:
    """All attachments of a ticket."""
    return [*ticket.attachments, *(file for turn in ticket.conversations for file in turn.attachments)]


async def read(source: Source, attachment: Attachment, ref: ItemRef) -> bytes:
    """The bytes of an attachment."""
    async with source.download(attachment, ref) as pieces:
        return b"".join([piece async for piece in pieces])


def ids(refs: Sequence[ItemRef]) -> list[str]:
    """Just the ids."""
    return [ref.original_id for ref in refs]
