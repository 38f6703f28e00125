"""Freshdesk's account export as loose files: what `Tickets0.json`, `Users0.xml` and so on hold, by the export alone."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from backend.adapters.exports.reader import Names as Called
from backend.adapters.exports.reader import Part, Record, Told
from backend.adapters.freshdesk.export.files import (
    AGENTS,
    ARCHIVED,
    COMPANIES,
    GROUPS,
    SOLUTIONS,
    TICKETS,
    USERS,
    is_archived,
    kind_of,
)
from backend.adapters.freshdesk.export.solutions import articles_in, canned_in
from backend.adapters.freshdesk.exported import article_record, people_of, ticket_record, unwrapped
from backend.adapters.freshdesk.fields import ident, moment, needed_ident, record_of, records_of, text
from backend.adapters.freshdesk.names import Names
from backend.adapters.freshdesk.normalize import presence_of
from backend.adapters.freshdesk.normalize_article import CANNED as CANNED_ID
from backend.adapters.freshdesk.normalize_article import Folder, article_of, canned_of
from backend.adapters.freshdesk.remake import BesideExport, ticket_of_export
from backend.core.errors import AppError
from backend.core.model.article import Article
from backend.core.model.ticket import Person, Presence, Ticket

_WRAPPED: Final = {
    USERS: ("user", "contact"),
    AGENTS: ("user", "agent"),
    GROUPS: ("group",),
    COMPANIES: ("company", "customer"),
}
"""What the object around a record of such a file is called."""
_OF_TICKETS: Final = frozenset({"notes", "ticket_states", "description_html", "helpdesk_notes"})
_SHELVES: Final = ("all_folders", "folders")
_RESPONSES: Final = "canned_responses"
_NUMBERED: Final = re.compile(r"[A-Z][A-Za-z_ -]*\d+\.(json|xml)")
"""How the export calls its files: a kind of record, and a number."""
_OTHERS: Final = (
    "account accounts businesshours customfields emailconfigs emailtemplates forumcategories forums monitors posts products roles "
    "satisfactionratings scenarioautomations settings skills slapolicies statuses surveyresults surveys tags ticketfields "
    "tickettemplates timeentries timesheets topics"
)
"""What else such files are called, without numbers and what joins words."""
_LETTERS: Final = re.compile(r"[^a-z]")
_FORMS: Final = (".json", ".xml")
_NO_SITE: Final = ""


class FreshdeskExportReader:
    """ExportReader of Freshdesk."""

    platform = "freshdesk"

    def part_of(self, name: str, first: Sequence[Record]) -> Part | None:
        """By its records, and where those are of no shape of their own, by its name and the object around each."""
        kind, bare = kind_of(name), [unwrapped(record) for record in first]
        if not first and name.lower().endswith(".xml") and _NUMBERED.fullmatch(name):
            # XML that can't be read is told by name, and not passed over as somebody's own.
            return Part.TICKETS if kind in (TICKETS, ARCHIVED) else Part.ARTICLES if kind == SOLUTIONS else None
        if any("display_id" in record and (kind in (TICKETS, ARCHIVED) or _OF_TICKETS & record.keys()) for record in bare):
            return Part.TICKETS
        if any(_is_shelf(record, kind) for record in bare):
            return Part.ARTICLES
        wrappers = {word for record in first if len(record) == 1 for word, inner in record.items() if isinstance(inner, dict)}
        if kind in _WRAPPED and wrappers & set(_WRAPPED[kind]):
            return Part.NAMES
        return Part.NOTHING if wrappers and _NUMBERED.fullmatch(name) else None

    def part_beside(self, name: str) -> Part | None:
        """The same of a file by its name, where files beside it are known to be of an export."""
        kind = kind_of(name)
        if kind in _WRAPPED:
            return Part.NAMES
        is_other = name.lower().endswith(_FORMS) and _LETTERS.sub("", name.lower().rpartition(".")[0]) in _OTHERS.split()
        return Part.NOTHING if is_other or _NUMBERED.fullmatch(name) else None

    def units(self, part: Part, record: Record) -> Iterable[Record]:
        """A ticket as it is; each article with its folder; each canned response with the name of its folder."""
        bare = unwrapped(record)
        if part is Part.TICKETS:
            return (bare,)
        if _RESPONSES in bare:
            return [{"canned": response, "folder": text(bare, "name")} for response in canned_in(bare)]
        return [{"article": article, "place": msgspec.to_builtins(place)} for place, article in articles_in(bare)]

    def told(self, part: Part, unit: Record) -> Told:
        """Which item a unit is."""
        record = _inner(part, unit)
        key, at, gone = None, None, False
        with contextlib.suppress(AppError):
            key = ident(record, "display_id" if part is Part.TICKETS else "id")
        with contextlib.suppress(AppError):
            at = moment(record, "updated_at")
        with contextlib.suppress(AppError):
            gone = part is Part.TICKETS and presence_of(record) is not Presence.LIVE
        return Told(f"{CANNED_ID}{key}" if key is not None and "canned" in unit else key, at, gone)

    def named(self, name: str, record: Record) -> Iterator[tuple[str, Any]]:
        """People by name and address, groups and companies by name."""
        kind, bare = kind_of(name), unwrapped(record)
        with contextlib.suppress(AppError):
            if kind in (USERS, AGENTS):
                word = "agent" if kind == AGENTS else "user"
                for key, person in people_of([bare]).items():
                    yield f"{word}:{key}", [person.name, person.email]
            elif (key_of := ident(bare, "id")) is not None and (told := text(bare, "name")):
                yield f"{'group' if kind == GROUPS else 'company'}:{key_of}", told

    def wanted(self, part: Part, unit: Record) -> Iterable[str]:
        """The requester and the company, the agent and the group, and who wrote the notes."""
        if part is not Part.TICKETS:
            return ()
        bare, keys = unwrapped(unit), list[str]()
        with contextlib.suppress(AppError):
            keys += [f"{word}:{key}" for word, field in _CALLED if (key := ident(bare, field)) is not None]
        with contextlib.suppress(AppError):
            authors = {ident(unwrapped(note), "user_id") for note in records_of(bare.get("notes"), "notes")}
            keys += [f"{word}:{key}" for key in sorted(filter(None, authors)) for word in ("user", "agent")]
        with contextlib.suppress(AppError):
            if (company := ident(ticket_record(bare), "company_id")) is not None:
                keys.append(f"company:{company}")
        return dict.fromkeys(keys)

    def kept(self, part: Part, unit: Record) -> Record:
        """A unit as it is."""
        return unwrapped(unit) if part is Part.TICKETS else unit

    def made(self, part: Part, name: str, unit: Record, names: Called) -> Ticket | Article:
        """The item. Raises SOURCE_MALFORMED."""
        if part is Part.TICKETS:
            return _ticket(unwrapped(unit), names, archived=is_archived(name))
        if "canned" in unit:
            return canned_of(record_of(unit["canned"], "canned_response"), text(unit, "folder"), "")
        article = record_of(unit.get("article"), "article")
        place = msgspec.convert(unit.get("place"), Folder)
        return article_of({text(article, "language"): article_record(article)}, place, site=_NO_SITE)


_CALLED: Final = (("user", "requester_id"), ("agent", "responder_id"), ("group", "group_id"))


def _is_shelf(record: Record, kind: str | None) -> bool:
    """A category with folders, or a folder with canned responses."""
    folders = next((record[field] for field in _SHELVES if isinstance(record.get(field), list)), None)
    if folders is None:
        return isinstance(record.get(_RESPONSES), list)
    return kind == SOLUTIONS or any(isinstance(each, dict) and "articles" in unwrapped(each) for each in folders)


def _inner(part: Part, unit: Record) -> Record:
    if part is Part.TICKETS:
        return unwrapped(unit)
    inner = unit.get("canned", unit.get("article"))
    return inner if isinstance(inner, dict) else {}


def _ticket(exported: Record, names: Called, *, archived: bool) -> Ticket:
    # One whose mark can't be read is not taken for one that is there.
    presence_of(exported)
    people = {key.removeprefix("user:"): value for key, value in names.items() if key.startswith("user:")}
    agents = {key.removeprefix("agent:"): value for key, value in names.items() if key.startswith("agent:")}
    record = ticket_record(exported)
    requester = record["requester"]
    if not requester or not (requester["name"] or requester["email"]):
        name, email = people.get(ident(record, "requester_id") or "", ("", ""))
        requester = {"name": name, "email": email} if name or email else None
    beside = BesideExport(
        requester=requester,
        people={key: (name, email) for key, (name, email) in {**agents, **people}.items()},
        organization=str(names.get(f"company:{ident(record, 'company_id')}", "")),
        satisfaction=None,
        presence=Presence.ARCHIVED if archived else Presence.LIVE,
    )
    labels = Names(
        agents={key: Person(original_id=key, name=name, email=email) for key, (name, email) in agents.items()},
        groups={key.removeprefix("group:"): str(value) for key, value in names.items() if key.startswith("group:")},
        products={},
        statuses={},
        fields={},
        sources={},
    )
    needed_ident(exported, "display_id")
    return ticket_of_export(exported, labels, beside, site=_NO_SITE)
