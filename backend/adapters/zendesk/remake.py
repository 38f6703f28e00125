"""Items again of what is archived: the payloads say all but what Zendesk's ids stand for, which is archived beside them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from backend.adapters.http.recalled import Recalled, incomplete, payload_of
from backend.adapters.zendesk.fields import Record, child, ident, moment, records, text
from backend.adapters.zendesk.names import Names
from backend.adapters.zendesk.normalize import ticket_of
from backend.adapters.zendesk.normalize_article import MACRO, Shelves, article_of, macro_of
from backend.adapters.zendesk.people import User
from backend.core.model.document import DocType
from backend.core.model.sync import Fetched, ItemRef
from backend.core.model.ticket import Organization, Person, Ticket

_Written = tuple[str, str, bool]
"""Somebody's name and address, and whether they work for the company."""


class Beside(Struct, frozen=True, kw_only=True):
    """What other answers told of a ticket."""

    users: dict[str, _Written]
    organization: str = ""


class TicketPayload(Struct, frozen=True, kw_only=True):
    """A ticket as `ZendeskSource` archives it."""

    ticket: dict[str, Any]
    comments: list[dict[str, Any]]
    solved_at: str = ""
    beside: Beside | None = None


class ExportedTicket(Struct, frozen=True, kw_only=True):
    """A ticket as an import archives it."""

    export: dict[str, Any]
    beside: Beside | None = None


class ArticlePayload(Struct, frozen=True, kw_only=True):
    """An article or macro as `Knowledge.fetch` archives it."""

    article: dict[str, Any] = {}
    article_attachments: list[dict[str, Any]] = []
    shelves: Shelves | None = None
    product: str = ""
    macro: dict[str, Any] = {}


def beside_of(users: Mapping[str, User], organization: Organization | None) -> dict[str, Any]:
    """What is archived with a ticket of the people it names."""
    written = {key: (user.person.name, user.person.email, user.staff) for key, user in users.items()}
    return {"users": written, "organization": organization.name if organization is not None else ""}


def remade(ref: ItemRef, raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    """The item of a payload. Raises ARCHIVE_INCOMPLETE or SOURCE_MALFORMED."""
    if raw.startswith(b'{"export":'):
        exported = payload_of(raw, ExportedTicket, "Zendesk")
        if exported.beside is None:
            raise incomplete("it was imported before people were kept with a ticket")
        users, organization = _people(exported.export, exported.beside)
        return Fetched(item=ticket_of_export(exported.export, names.names(), users, organization, site=site), raw=raw)
    return _article(ref, raw) if ref.doc_type is DocType.ARTICLE else _ticket(raw, names, site)


def ticket_of_export(record: Record, names: Names, users: Mapping[str, User], organization: Organization | None, *, site: str) -> Ticket:
    """A ticket of a JSON export, with the name of its own group where nobody else tells it."""
    group = child(record, "group")
    if (key := ident(group, "id")) is not None and key not in names.groups and text(group, "name"):
        names = replace(names, groups={**names.groups, key: text(group, "name")})
    solved = moment(child(record, "metric_set"), "solved_at")
    return ticket_of(record, records(record, "comments"), names, users, organization=organization, solved_at=solved, site=site)


def _people(record: Record, beside: Beside) -> tuple[dict[str, User], Organization | None]:
    users = {key: User(Person(original_id=key, name=name, email=email), staff) for key, (name, email, staff) in beside.users.items()}
    key = ident(record, "organization_id")
    return users, None if key is None else Organization(original_id=key, name=beside.organization)


def _ticket(raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    payload = payload_of(raw, TicketPayload, "Zendesk")
    if payload.beside is None:
        raise incomplete("it was archived before people were kept with a ticket")
    users, organization = _people(payload.ticket, payload.beside)
    solved = moment({"at": payload.solved_at}, "at")
    ticket = ticket_of(payload.ticket, payload.comments, names.names(), users, organization=organization, solved_at=solved, site=site)
    return Fetched(item=ticket, raw=raw)


def _article(ref: ItemRef, raw: bytes) -> Fetched:
    payload = payload_of(raw, ArticlePayload, "Zendesk")
    if ref.original_id.startswith(MACRO):
        macro = macro_of(payload.macro)
        if macro is None:
            raise incomplete("the macro says nothing that is taken for knowledge")
        return Fetched(item=macro, raw=raw)
    if payload.shelves is None:
        raise incomplete("it was archived before its place was kept with an article")
    return Fetched(item=article_of(payload.article, payload.shelves, payload.article_attachments, product=payload.product), raw=raw)
