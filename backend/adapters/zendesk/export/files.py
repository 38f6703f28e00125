"""Which file of a Zendesk export holds what. Zendesk names them after the account and the day, so their records tell."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from backend.adapters.archive import DAMAGED, Archive, Member
from backend.adapters.exports.records import Found, read_records
from backend.adapters.zendesk.export.xml import from_xml
from backend.adapters.zendesk.fields import Record, child, ident
from backend.core.errors import AppError, Code

TICKETS, USERS, ORGANIZATIONS = "tickets", "users", "organizations"
_SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".xml")
_LOOKED_AT: Final = 5
"""So many records of a file are looked at: a first line may be no record."""

_BESIDE: Final = {"requester": "requester_id", "assignee": "assignee_id", "organization": "organization_id", "group": "group_id"}
"""Records that stand in a ticket, and the field of the API that has their id."""


def unwrapped(record: Record) -> Record:
    """A record without the name of its kind around it, in the words of the API."""
    bare = child(record, "ticket") or child(record, "user") or child(record, "organization") if len(record) == 1 else record
    return from_xml(bare)


def whole(record: Record) -> Record:
    """A ticket with the ids of the records that stand in it."""
    ids = {field: ident(child(record, name), "id") for name, field in _BESIDE.items() if record.get(field) is None}
    return {**record, **{field: key for field, key in ids.items() if key is not None}}


def files_of(archive: Archive, kind: str) -> list[Member]:
    """The files that hold these, in the order of their names."""
    members = (member for member in archive.members if member.base.lower().endswith(_SUFFIXES))
    return sorted((member for member in members if _kind_of(archive, member) == kind), key=lambda member: member.name)


def small_records(archive: Archive, kind: str, most: int) -> Iterator[Record]:
    """The records of a kind, at most so many; those that can't be read are left out, since only names are taken from them."""
    found = (each for member in files_of(archive, kind) for each in _records(archive, member))
    return islice((unwrapped(each.record) for each in found if each.record is not None), most)


def check_export(archive: Archive) -> None:
    """Whether this is an export of Zendesk's tickets. Raises EXPORT_UNREADABLE."""
    if files_of(archive, TICKETS):
        return
    inner = f" It holds another archive, {archive.archives[0]}: unpack that one first." if archive.archives else ""
    held = ", ".join(member.base for member in archive.members[:5]) or "nothing"
    raise AppError(Code.EXPORT_UNREADABLE, f"{archive.name} is no JSON or XML export of Zendesk's tickets: it holds {held}.{inner}")


def _kind_of(archive: Archive, member: Member) -> str | None:
    for found in islice(_records(archive, member), _LOOKED_AT):
        record = unwrapped(found.record or {})
        if "subject" in record and ("requester_id" in record or "requester" in record):
            return TICKETS
        if "role" in record and "email" in record:
            return USERS
        if "domain_names" in record:
            return ORGANIZATIONS
    return None


def _records(archive: Archive, member: Member) -> Iterator[Found]:
    try:
        with archive.open(member) as stream:
            yield from read_records(stream, member.base)
    except (AppError, *DAMAGED):
        return
