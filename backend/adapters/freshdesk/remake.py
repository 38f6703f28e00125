"""Items again of what is archived: the payloads say all but what Freshdesk's ids stand for, which is archived beside them."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from msgspec import Struct, convert
from msgspec.structs import replace

from backend.adapters.freshdesk.exported import conversation_records, ticket_record, unwrapped
from backend.adapters.freshdesk.fields import Record, ident, number, record_of, records_of, text
from backend.adapters.freshdesk.names import Names
from backend.adapters.freshdesk.normalize import ticket_of
from backend.adapters.freshdesk.normalize_article import CANNED, Folder, article_of, canned_of
from backend.adapters.http.recalled import Recalled, incomplete, payload_of
from backend.core.model.document import DocType
from backend.core.model.sync import Fetched, ItemRef
from backend.core.model.ticket import Organization, Person, Presence, Ticket

_EXPORTED: Final = b'{"export":'
"""How what was imported from an account export begins."""


class Beside(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What other answers told of a ticket."""

    organization: str = ""
    """Name of its company."""
    satisfaction: str | None = None
    archived: bool = False


class TicketPayload(Struct, frozen=True, kw_only=True):
    """A ticket as `FreshdeskSource.fetch` archives it."""

    ticket: dict[str, Any]
    conversation_pages: tuple[list[dict[str, Any]], ...]
    listed: dict[str, Any]
    beside: Beside | None = None


class BesideExport(Struct, frozen=True, kw_only=True):
    """What other records of an account export, and the API, told of a ticket of the export."""

    requester: dict[str, Any] | None
    people: dict[str, tuple[str, str]]
    """Name and address of those who wrote its notes."""
    organization: str
    satisfaction: str | None
    presence: Presence


class ExportedTicket(Struct, frozen=True, kw_only=True):
    """A ticket as an import archives it."""

    export: dict[str, Any]
    beside: BesideExport | None = None


class ArticlePayload(Struct, frozen=True, kw_only=True):
    """An article or canned response as `Knowledge.fetch` archives it."""

    articles: dict[str, dict[str, Any]] = {}
    canned: dict[str, Any] = {}
    folder: Any = None
    place: Folder | None = None
    """The folder of an article of an account export."""
    language: str = ""
    """Of a canned response, which does not tell its own."""


class ExportedArticle(Struct, frozen=True, kw_only=True):
    """An article or canned response as an import archives it."""

    export: ArticlePayload


def remade(ref: ItemRef, raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    """The item of a payload. Raises ARCHIVE_INCOMPLETE or SOURCE_MALFORMED."""
    if raw.startswith(_EXPORTED):
        return _exported(ref, raw, names, site)
    return _article(ref, raw, site) if ref.doc_type is DocType.ARTICLE else _ticket(raw, names, site)


def with_listed(record: Record, listed: Record) -> Record:
    """A ticket with the requester and the statistics that its listing told, where it told any."""
    if not listed.get("requester"):
        return record
    return {**record, "requester": listed["requester"], "stats": listed.get("stats")}


def ticket_of_export(exported: Record, names: Names, beside: BesideExport, *, site: str) -> Ticket:
    """A ticket of an account export, with the label of its own status where nobody else tells it."""
    record = ticket_record(exported)
    status, label, company_id = number(exported, "status"), text(exported, "status_name"), ident(record, "company_id")
    if status is not None and status not in names.statuses and label:
        names = replace(names, statuses={**names.statuses, status: label})
    people = {key: Person(original_id=key, name=name, email=email) for key, (name, email) in beside.people.items()}
    return ticket_of(
        {**record, "requester": beside.requester},
        conversation_records(exported, people),
        names,
        organization=None if company_id is None else Organization(original_id=company_id, name=beside.organization),
        satisfaction=beside.satisfaction,
        presence=beside.presence,
        site=site,
    )


def authors_of(exported: Record, people: Mapping[str, Person]) -> dict[str, tuple[str, str]]:
    """Those of these people who wrote a ticket's notes."""
    notes = (unwrapped(note) for note in records_of(exported.get("notes"), "notes"))
    found = (people.get(ident(note, "user_id") or "") for note in notes)
    return {person.original_id: (person.name, person.email) for person in found if person is not None}


def _exported(ref: ItemRef, raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    if ref.doc_type is DocType.ARTICLE:
        return _made(ref, payload_of(raw, ExportedArticle, "Freshdesk").export, raw, site)
    payload = payload_of(raw, ExportedTicket, "Freshdesk")
    if payload.beside is None:
        raise incomplete("it was imported before people were kept with a ticket")
    return Fetched(item=ticket_of_export(payload.export, names.names(), payload.beside, site=site), raw=raw)


def _ticket(raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    payload = payload_of(raw, TicketPayload, "Freshdesk")
    beside = payload.beside
    if beside is None:
        raise incomplete("it was archived before company and rating were kept with a ticket")
    paged: list[Record] = [each for page in payload.conversation_pages for each in page]
    company_id = ident(payload.ticket, "company_id")
    ticket = ticket_of(
        with_listed(payload.ticket, payload.listed),
        paged if payload.conversation_pages else records_of(payload.ticket.get("conversations"), "conversations"),
        names.names(),
        organization=None if company_id is None else Organization(original_id=company_id, name=beside.organization),
        satisfaction=beside.satisfaction,
        presence=Presence.ARCHIVED if beside.archived else Presence.LIVE,
        site=site,
    )
    return Fetched(item=ticket, raw=raw)


def _article(ref: ItemRef, raw: bytes, site: str) -> Fetched:
    return _made(ref, payload_of(raw, ArticlePayload, "Freshdesk"), raw, site)


def _made(ref: ItemRef, payload: ArticlePayload, raw: bytes, site: str) -> Fetched:
    if ref.original_id.startswith(CANNED):
        if not payload.language:
            raise incomplete("it was archived before the language was kept with a canned response")
        return Fetched(item=canned_of(payload.canned, str(payload.folder or ""), payload.language), raw=raw)
    folder = payload.place
    if folder is None:
        told = record_of(payload.folder, "folder")
        folder = convert({**told, "folder_id": told.get("id")}, Folder)
    return Fetched(item=article_of(payload.articles, folder, site=site), raw=raw)


def raw_ticket(body: bytes, conversation_pages: list[bytes], listed: Record, beside: Beside) -> bytes:
    """All answers a ticket was made from as one JSON object on one line, without parsing them again."""
    pages = b",".join(conversation_pages)
    told = {"organization": beside.organization, "satisfaction": beside.satisfaction, "archived": beside.archived}
    whole = b'{"ticket":%b,"conversation_pages":[%b],"listed":%b,"beside":%b}' % (
        body,
        pages,
        orjson.dumps(dict(listed)),
        orjson.dumps({name: value for name, value in told.items() if value}),
    )
    # A line break in JSON is white space: within texts it is written as an escape.
    return whole.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in whole else whole
