"""The account export: a zip of files as the older API writes them, in JSON or in the XML of Ruby on Rails.

https://developers.freshdesk.com/api/#account_export says what can be asked for; the shapes are those of
https://developers.freshdesk.com/v1/api/#tickets, in files of some hundred records each.
"""

import time
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import IO, Any, Final
from xml.sax.saxutils import escape

import orjson

from sandbox.data.facts import iso
from sandbox.data.mail import plain
from sandbox.data.model import Attachment, Json, Person, Ticket, Turn
from sandbox.data.shelf import PRIMARY
from sandbox.freshdesk import change, render
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.solutions import article_json, canned_json

ACCOUNT_ID: Final = 670_001
PER_FILE: Final = 300
_SEOUL: Final = timezone(timedelta(hours=9))
_META_EVERY: Final = 5
"""Freshdesk notes of every so many tickets who created them for whom."""
_META: Final = 4
_META_BASE: Final = 68_000_000_000


class Form(StrEnum):
    """How the records are written."""

    JSON = "json"
    XML = "xml"


RESOURCES: Final = ("tickets", "archive_tickets", "solutions", "canned_responses", "users", "agents", "groups", "companies")
"""What can be asked for."""


def write_export(site: Site, out: IO[bytes], form: Form = Form.JSON, resources: Sequence[str] = RESOURCES) -> None:
    """Write the account as it is now."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root, kind, records in _files(site, resources):
            info = zipfile.ZipInfo(f"{name}.{form.value}", time.gmtime(change.now(site))[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            data = _json(kind, records) if form is Form.JSON else _xml(root, kind, records)
            archive.writestr(info, site.links.fill(data))


def _files(site: Site, resources: Sequence[str]) -> Iterator[tuple[str, str, str, Sequence[Json]]]:
    """Name, XML root, kind of record and records of each file."""
    account = site.account
    for resource, name, state in (("tickets", "Tickets", "live"), ("archive_tickets", "ArchiveTickets", "archived")):
        states = (state, "deleted", "spam") if state == "live" else (state,)
        wanted = [ticket for ticket in account.tickets.values() if ticket.state in states] if resource in resources else []
        for number, start in enumerate(range(0, len(wanted), PER_FILE)):
            records = [ticket_json(site, ticket) for ticket in wanted[start : start + PER_FILE]]
            yield f"{name}{number}", "helpdesk-tickets", "helpdesk_ticket", records
    people = account.people
    simple: dict[str, tuple[str, str, str, list[Json]]] = {
        "solutions": ("Solutions0", "solution-categories", "category", _categories(site)),
        "canned_responses": ("CannedResponses0", "folders", "folder", _canned(site)),
        "users": ("Users0", "users", "user", [_user(each) for each in people.contacts.values()]),
        "agents": ("AllAgents0", "users", "user", [_user(each) for each in people.agents.values()]),
        "groups": ("Groups0", "groups", "group", [{"id": key, "name": name} for name, key in people.groups.items()]),
        "companies": ("Companies0", "companies", "company", [{"id": each.id, "name": each.name} for each in people.companies.values()]),
    }
    yield from (file for resource, file in simple.items() if resource in resources)


def ticket_json(site: Site, ticket: Ticket) -> Json:
    """A ticket with its notes."""
    account = site.account
    view = render.ticket_core(account, ticket) | render.ticket_description(account, ticket)
    stats = render.ticket_stats(account, ticket)
    requester = render.ticket_requester(account, ticket)
    files = [file for file in account.story(ticket.id).attachments if not file.inline]
    return {
        "id": 9_000_000 + ticket.id,
        "account_id": ACCOUNT_ID,
        "display_id": ticket.id,
        **{name: view[name] for name in ("subject", "status", "priority", "source", "requester_id", "responder_id", "group_id")},
        "owner_id": view["company_id"],
        "product_id": view["product_id"],
        "ticket_type": view["type"],
        "description": view["description_text"],
        "description_html": view["description"],
        "status_name": render.STATUSES.get(view["status"], ("Open",))[0],
        "deleted": ticket.state == "deleted",
        "spam": ticket.state == "spam",
        "trained": False,
        "due_by": _when(view["due_by"]),
        "created_at": _when(view["created_at"]),
        "updated_at": _when(view["updated_at"]),
        "cc_email": {"cc_emails": [], "fwd_emails": [], "reply_cc": []},
        "custom_field": {f"{name}_{ACCOUNT_ID}": value for name, value in view["custom_fields"].items()},
        "tags": [{"name": tag} for tag in view["tags"]],
        "requester": {name: requester[name] for name in ("id", "name", "email")},
        "ticket_states": {name: _when(stats[name]) for name in ("resolved_at", "closed_at", "agent_responded_at")},
        "attachments": [_attachment(site, file) for file in files],
        "notes": [*_meta(ticket), *(_note(site, turn) for turn in account.turns(ticket.id))],
    }


def _note(site: Site, turn: Turn) -> Json:
    return {
        "id": turn.id,
        "body": plain(turn.body) if turn.body_text is None else turn.body_text,
        "body_html": turn.body,
        "incoming": turn.incoming,
        "private": turn.private,
        "source": turn.source,
        "user_id": turn.user_id,
        "deleted": False,
        "support_email": None,
        "created_at": _when(iso(turn.created_at)),
        "updated_at": _when(iso(turn.updated_at or turn.created_at)),
        "attachments": [_attachment(site, file) for file in turn.attachments if not file.inline],
    }


def _meta(ticket: Ticket) -> list[Json]:
    if ticket.id % _META_EVERY:
        return []
    body = f"created_by: {ticket.requester_id}\ntime: {iso(ticket.created_at)}\nuser_agent: Mozilla/5.0\nreferrer: -"
    at = _when(iso(ticket.created_at))
    return [
        {
            "id": _META_BASE + ticket.id,
            "body": body,
            "body_html": f"<div>{body}</div>",
            "incoming": False,
            "private": True,
            "source": _META,
            "user_id": ticket.requester_id,
            "deleted": False,
            "created_at": at,
            "updated_at": at,
            "attachments": [],
        }
    ]


def _attachment(site: Site, file: Attachment) -> Json:
    return {
        "id": file.id,
        "content_file_name": file.name,
        "content_content_type": file.content_type,
        "content_file_size": len(site.account.file(file)),
        "created_at": _when(iso(file.created_at)),
        "updated_at": _when(iso(file.created_at)),
        # Signed when the export was made, and dead before anybody has it.
        "attachment_url": site.links.signed(file.id, -1.0),
    }


def _categories(site: Site) -> list[Json]:
    shelf = site.account.shelf
    categories = []
    for category in shelf.categories.values():
        folders = [folder for folder in shelf.folders.values() if folder.category_id == category.id]
        categories.append(
            {
                "id": category.id,
                "name": category.names[PRIMARY],
                "description": category.descriptions[PRIMARY],
                "all_folders": [
                    {
                        "id": folder.id,
                        "name": folder.names[PRIMARY],
                        "visibility": folder.visibility,
                        "parent_folder_id": folder.parent_id,
                        "articles": [_article(site, each.id) for each in shelf.articles.values() if each.folder_id == folder.id],
                    }
                    for folder in folders
                ],
            }
        )
    return categories


def _article(site: Site, article_id: int) -> Json:
    article = site.account.shelf.articles[article_id]
    view = article_json(site, article, PRIMARY)
    kept = ("id", "folder_id", "title", "description", "status", "hits", "thumbs_up", "thumbs_down", "created_at", "updated_at")
    return {
        **{name: view[name] for name in kept},
        "art_type": view["type"],
        "user_id": view["agent_id"],
        "desc_un_html": view["description_text"],
        "tags": [{"name": tag} for tag in view["tags"]],
        "attachments": [_attachment(site, file) for file in article.attachments],
    }


def _canned(site: Site) -> list[Json]:
    shelf = site.account.shelf
    return [
        {
            "id": key,
            "name": name,
            "canned_responses": [canned_json(site, each.id) for each in shelf.canned.values() if each.folder_id == key],
        }
        for key, name in shelf.canned_folders.items()
    ]


def _user(person: Person) -> Json:
    return {"id": person.id, "name": person.name, "email": person.email, "language": person.lang, "deleted": False}


def _when(value: str | None) -> str | None:
    """In the account's time zone, as the older API writes times."""
    if value is None:
        return None
    return datetime.fromisoformat(value).astimezone(UTC).astimezone(_SEOUL).isoformat()


def _json(kind: str, records: Sequence[Json]) -> bytes:
    return b"[" + b",".join(orjson.dumps({kind: record}) for record in records) + b"]"


def _xml(root: str, kind: str, records: Sequence[Json]) -> bytes:
    name = kind.replace("_", "-")
    body = "".join(_element(name, record) for record in records)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} type="array">{body}</{root}>\n'.encode()


_ITEMS: Final = {"notes": "helpdesk-note", "all-folders": "solution-folder", "articles": "solution-article"}
"""What the elements of a list are called, where it is not the list's name without its last letter."""


def _element(name: str, value: Any) -> str:
    if value is None:
        return f'<{name} nil="true"/>'
    if isinstance(value, dict):
        return (
            f"<{name}>{''.join(_element(key if key.startswith('cf_') else key.replace('_', '-'), v) for key, v in value.items())}</{name}>"
        )
    if isinstance(value, list):
        item = _ITEMS.get(name, name.removesuffix("s"))
        return f'<{name} type="array">{"".join(_element(item, each) for each in value)}</{name}>'
    if isinstance(value, bool):
        return f'<{name} type="boolean">{str(value).lower()}</{name}>'
    if isinstance(value, int):
        return f'<{name} type="integer">{value}</{name}>'
    typed = ' type="datetime"' if name.endswith("-at") or name == "due-by" else ""
    # A line break of Windows would be read as one of Unix: as a reference it stays what it is.
    return f"<{name}{typed}>{escape(str(value), {chr(13): '&#13;'})}</{name}>"
