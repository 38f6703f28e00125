"""Items again of what is archived: the payloads say all but what Freshdesk's ids stand for, which is archived beside them."""

from typing import Any

import orjson
from msgspec import Struct, convert

from backend.adapters.freshdesk.fields import Record, ident, record_of, records_of
from backend.adapters.freshdesk.names import Names
from backend.adapters.freshdesk.normalize import ticket_of
from backend.adapters.freshdesk.normalize_article import CANNED, Folder, article_of, canned_of
from backend.adapters.http.recalled import Recalled, incomplete, payload_of
from backend.core.model.document import DocType
from backend.core.model.sync import Fetched, ItemRef
from backend.core.model.ticket import Organization, Presence


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


class ArticlePayload(Struct, frozen=True, kw_only=True):
    """An article or canned response as `Knowledge.fetch` archives it."""

    articles: dict[str, dict[str, Any]] = {}
    canned: dict[str, Any] = {}
    folder: Any = None
    language: str = ""
    """Of a canned response, which does not tell its own."""


def remade(ref: ItemRef, raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    """The item of a payload. Raises ARCHIVE_INCOMPLETE or SOURCE_MALFORMED."""
    if raw.startswith(b'{"export":'):
        raise incomplete("it was imported from an account export, which is archived as it is")
    return _article(ref, raw, site) if ref.doc_type is DocType.ARTICLE else _ticket(raw, names, site)


def with_listed(record: Record, listed: Record) -> Record:
    """A ticket with the requester and the statistics that its listing told, where it told any."""
    if not listed.get("requester"):
        return record
    return {**record, "requester": listed["requester"], "stats": listed.get("stats")}


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
    payload = payload_of(raw, ArticlePayload, "Freshdesk")
    if ref.original_id.startswith(CANNED):
        if not payload.language:
            raise incomplete("it was archived before the language was kept with a canned response")
        return Fetched(item=canned_of(payload.canned, str(payload.folder or ""), payload.language), raw=raw)
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
