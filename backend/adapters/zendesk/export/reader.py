"""Zendesk's account exports as loose files: JSON lines or XML, by the export alone.

https://support.zendesk.com/hc/en-us/articles/4408886165402 says how they are made: JSON of tickets, users or organizations, one
object a line; XML of everything, in a file for each kind of record. Its CSV is a table like every other one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from backend.adapters.exports.reader import Names as Called
from backend.adapters.exports.reader import Part, Record, Told
from backend.adapters.zendesk.comments import clean
from backend.adapters.zendesk.export.files import unwrapped, whole
from backend.adapters.zendesk.fields import child, ident, moment, records, text
from backend.adapters.zendesk.names import Names
from backend.adapters.zendesk.normalize import gone_as, people_in
from backend.adapters.zendesk.people import User, user_of
from backend.adapters.zendesk.remake import ticket_of_export
from backend.core.errors import AppError, Code
from backend.core.model.article import Article
from backend.core.model.ticket import Organization, Person, Ticket

_TICKET: Final = frozenset({"id", "subject", "status", "requester_id", "created_at"})
_OF_TICKETS: Final = frozenset({"submitter_id", "brand_id", "generated_timestamp", "raw_subject", "via", "ticket_form_id"})
"""What a ticket of Zendesk has besides, and hardly one of anybody else."""
_USER: Final = frozenset({"id", "name", "email", "role"})
_OF_USERS: Final = frozenset({"active", "verified", "suspended", "shared", "organization_id", "time_zone", "is_active", "is_verified"})
_ORGANIZATION: Final = frozenset({"id", "name", "domain_names"})
_PEOPLE: Final = ("requester", "submitter", "assignee")
_OTHERS: Final = (
    "account accounts brands categories entries forums groupmemberships macros memberships organizationmemberships posts "
    "satisfactionratings settings tags targets ticketfields ticketforms ticketmetrics triggers userfields views votes watchings"
)
_NAMED: Final = ("users", "organizations", "groups")
_LETTERS: Final = re.compile(r"[^a-z]")
_FORMS: Final = (".json", ".jsonl", ".ndjson", ".xml")
_NO_SITE: Final = ""


class ZendeskExportReader:
    """ExportReader of Zendesk."""

    platform = "zendesk"

    def part_of(self, name: str, first: Sequence[Record]) -> Part | None:  # noqa: ARG002 - Zendesk names files after the account and the day
        """By its records."""
        bare = [unwrapped(record) for record in first]
        if any(record.keys() >= _TICKET and record.keys() & _OF_TICKETS for record in bare):
            return Part.TICKETS
        are_names = any(len(_OF_USERS & record.keys()) >= 2 for record in bare if record.keys() >= _USER)
        return Part.NAMES if are_names or any(record.keys() >= _ORGANIZATION for record in bare) else None

    def part_beside(self, name: str) -> Part | None:
        """The same of a file by its name, where files beside it are known to be of an export."""
        stem = _LETTERS.sub("", name.lower().rpartition(".")[0])
        if not name.lower().endswith(_FORMS):
            return None
        return Part.NAMES if stem in _NAMED else Part.NOTHING if stem in _OTHERS.split() else None

    def units(self, part: Part, record: Record) -> Iterable[Record]:  # noqa: ARG002 - there are tickets only
        """A ticket as it is."""
        return (record,)

    def told(self, part: Part, unit: Record) -> Told:  # noqa: ARG002 - there are tickets only
        """Which ticket a unit is."""
        record = unwrapped(unit)
        return Told(ident(record, "id"), moment(record, "updated_at"), gone_as(record) is not None)

    def named(self, name: str, record: Record) -> Iterator[tuple[str, Any]]:
        """People by name, address and whether they work for the company; organizations and groups by name."""
        bare = unwrapped(record)
        key, told = ident(bare, "id"), text(bare, "name")
        if key is None:
            return
        if "role" in bare or "email" in bare:
            user = user_of(bare)
            yield f"user:{key}", [user.person.name, user.person.email, user.staff]
        elif told:
            is_group = _LETTERS.sub("", name.lower().rpartition(".")[0]) == "groups"
            yield f"{'group' if is_group else 'organization'}:{key}", told

    def wanted(self, part: Part, unit: Record) -> Iterable[str]:  # noqa: ARG002 - there are tickets only
        """Everybody a ticket names, its organization and its group."""
        record = whole(unwrapped(unit))
        keys = [f"user:{key}" for key in sorted(people_in(record, records(record, "comments")))]
        for word, field in (("organization", "organization_id"), ("group", "group_id")):
            if (key := ident(record, field)) is not None:
                keys.append(f"{word}:{key}")
        return keys

    def kept(self, part: Part, unit: Record) -> Record:  # noqa: ARG002 - there are tickets only
        """A ticket without what Zendesk knows of the machines of those who wrote."""
        record = whole(unwrapped(unit))
        return {**record, "comments": [clean(comment) for comment in records(record, "comments")]}

    def made(self, part: Part, name: str, unit: Record, names: Called) -> Ticket | Article:  # noqa: ARG002 - nothing depends on it
        """The ticket. Raises SOURCE_MALFORMED."""
        record = self.kept(part, unit)
        if gone_as(record) is not None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "The export names this ticket as deleted.")
        users = {
            key.removeprefix("user:"): User(Person(original_id=key.removeprefix("user:"), name=value[0], email=value[1]), value[2])
            for key, value in names.items()
            if key.startswith("user:")
        }
        # What stands in the ticket itself is as old as the ticket.
        found = (user_of(each) for word in _PEOPLE if "role" in (each := child(record, word)))
        users |= {user.person.original_id: user for user in found}
        groups = {key.removeprefix("group:"): str(value) for key, value in names.items() if key.startswith("group:")}
        labels = Names(fields={}, statuses={}, groups=groups, brands={})
        return ticket_of_export(record, labels, users, _organization(record, names), site=_NO_SITE)


def _organization(record: Record, names: Called) -> Organization | None:
    key = ident(record, "organization_id")
    if key is None:
        return None
    within = child(record, "organization")
    return Organization(original_id=key, name=text(within, "name") or str(names.get(f"organization:{key}", "")))
