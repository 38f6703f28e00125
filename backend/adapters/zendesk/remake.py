"""Items again of what is archived: the payloads say all but what Zendesk's ids stand for, which is archived beside them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from backend.adapters.http.recalled import Recalled, incomplete, payload_of
from backend.adapters.zendesk.fields import ident, moment
from backend.adapters.zendesk.names import Names
from backend.adapters.zendesk.normalize import ticket_of
from backend.adapters.zendesk.normalize_article import MACRO, Shelves, article_of, macro_of
from backend.adapters.zendesk.people import User, organization_of
from backend.core.model.document import DocType
from backend.core.model.sync import Fetched, ItemRef
from backend.core.model.ticket import Organization, Person

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


class ArticlePayload(Struct, frozen=True, kw_only=True):
    """An article or macro as `Knowledge.fetch` archives it."""

    article: dict[str, Any] = {}
    article_attachments: list[dict[str, Any]] = []
    shelves: Shelves | None = None
    macro: dict[str, Any] = {}


def beside_of(users: Mapping[str, User], organization: Organization | None) -> dict[str, Any]:
    """What is archived with a ticket of the people it names."""
    written = {key: (user.person.name, user.person.email, user.staff) for key, user in users.items()}
    return {"users": written, "organization": organization.name if organization is not None else ""}


def remade(ref: ItemRef, raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    """The item of a payload. Raises ARCHIVE_INCOMPLETE or SOURCE_MALFORMED."""
    if raw.startswith(b'{"export":'):
        raise incomplete("it was imported from an account export, which is archived as it is")
    return _article(ref, raw) if ref.doc_type is DocType.ARTICLE else _ticket(raw, names, site)


def _ticket(raw: bytes, names: Recalled[Names], site: str) -> Fetched:
    payload = payload_of(raw, TicketPayload, "Zendesk")
    if payload.beside is None:
        raise incomplete("it was archived before people were kept with a ticket")
    users = {
        key: User(Person(original_id=key, name=name, email=email), staff) for key, (name, email, staff) in payload.beside.users.items()
    }
    organization = organization_of(ident(payload.ticket, "organization_id"), {})
    if organization is not None:
        organization = Organization(original_id=organization.original_id, name=payload.beside.organization)
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
    return Fetched(item=article_of(payload.article, payload.shelves, payload.article_attachments), raw=raw)
