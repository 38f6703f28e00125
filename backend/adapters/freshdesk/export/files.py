"""Which file of a Freshdesk account export holds what."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from backend.adapters.archive import DAMAGED, Archive, Member
from backend.adapters.exports.records import Found, read_records
from backend.adapters.freshdesk.exported import unwrapped
from backend.adapters.freshdesk.fields import Record
from backend.core.errors import AppError, Code
from backend.core.model.sync import Stream

TICKETS, ARCHIVED, SOLUTIONS, CANNED = "tickets", "archived", "solutions", "canned"
AGENTS, USERS, GROUPS, COMPANIES = "agents", "users", "groups", "companies"
_NAMES: Final = {
    "tickets": TICKETS,
    "archivetickets": ARCHIVED,
    "archivedtickets": ARCHIVED,
    "solutions": SOLUTIONS,
    "cannedresponses": CANNED,
    "agents": AGENTS,
    "allagents": AGENTS,
    "users": USERS,
    "contacts": USERS,
    "groups": GROUPS,
    "companies": COMPANIES,
    "customers": COMPANIES,
}
"""What a file is called, without its number and what joins words, and what it holds."""
_NAME: Final = re.compile(r"([a-z_ -]+?)[ _-]*(\d*)\.(json|xml)", re.IGNORECASE)
_OF_STREAM: Final = {Stream.TICKETS: (TICKETS, ARCHIVED), Stream.ARTICLES: (SOLUTIONS, CANNED)}
_LOOKED_AT: Final = 20
"""So many records of a file of tickets have to be none of Freshdesk's before the archive is refused."""


def kind_of(name: str) -> str | None:
    """What a file holds by its name, such as `Tickets12.json`; None where nothing that is read."""
    found = _NAME.fullmatch(name)
    return _NAMES.get(re.sub(r"[ _-]", "", found[1]).lower()) if found else None


def is_archived(name: str) -> bool:
    """Whether a file holds archived tickets."""
    return kind_of(name) == ARCHIVED


def files_of(archive: Archive, *kinds: str) -> list[Member]:
    """The files that hold these, kind by kind, in the order of their numbers."""
    return sorted((each for each in archive.members if kind_of(each.base) in kinds), key=lambda each: _order(each, kinds))


def files_of_stream(archive: Archive, stream: Stream) -> list[Member]:
    """The files of a stream."""
    return files_of(archive, *_OF_STREAM[stream])


def small_records(archive: Archive, kind: str, most: int) -> Iterator[Record]:
    """The records of a kind, at most so many; those that can't be read are left out, since only names are taken from them."""
    return islice((unwrapped(found.record) for found in _records(archive, files_of(archive, kind)) if found.record is not None), most)


def check_export(archive: Archive) -> None:
    """Whether this is an account export of Freshdesk. Raises EXPORT_UNREADABLE."""
    tickets = files_of_stream(archive, Stream.TICKETS)
    if not tickets and not files_of_stream(archive, Stream.ARTICLES):
        inner = f" It holds another archive, {archive.archives[0]}: unpack that one first." if archive.archives else ""
        held = ", ".join(member.base for member in archive.members[:5]) or "nothing"
        raise AppError(
            Code.EXPORT_UNREADABLE,
            f"{archive.name} is no account export of Freshdesk: it has no Tickets0.json, Tickets0.xml or the like, but {held}.{inner}",
        )
    first = list(islice(_records(archive, tickets), _LOOKED_AT))
    if first and not any(found.record is not None and "display_id" in unwrapped(found.record) for found in first):
        raise AppError(
            Code.EXPORT_UNREADABLE, f"{archive.name} is no account export of Freshdesk: no ticket in {tickets[0].base} has a display_id."
        )


def _records(archive: Archive, members: list[Member]) -> Iterator[Found]:
    for member in members:
        try:
            with archive.open(member) as stream:
                yield from read_records(stream, member.base)
        except (AppError, *DAMAGED):
            continue


def _order(member: Member, kinds: tuple[str, ...]) -> tuple[int, int, str]:
    found = _NAME.fullmatch(member.base)
    return kinds.index(kind_of(member.base) or ""), int(found[2] or 0) if found else 0, member.name
