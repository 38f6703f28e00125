"""Records of the account export as the API gives them, so that one normalization serves both: pure functions.

The export is written by the older API (https://developers.freshdesk.com/v1/api/#tickets): a ticket's number is its
`display_id`, its type `ticket_type`, its HTML `description_html`, a conversation a note. What the older one calls
otherwise, or does not have, is all that this module knows.
"""

from collections.abc import Mapping
from typing import Any, Final

from backend.adapters.freshdesk.fields import Record, ident, needed_ident, number, record_of, records_of, text
from backend.core.errors import AppError
from backend.core.model.ticket import Person

_META: Final = 4
"""The `source` of notes that Freshdesk writes to itself: browser, referrer, who created the ticket for whom."""
_META_BEGINS: Final = "created_by:"
_PUBLIC: Final = (False, "false", "0")
_PUBLISHED: Final = 2
_DRAFT: Final = 1
_SAME: Final = (
    "subject",
    "status",
    "priority",
    "source",
    "requester_id",
    "responder_id",
    "group_id",
    "created_at",
    "updated_at",
    "deleted",
    "spam",
)
"""Fields of a ticket that both APIs have under one name."""


def unwrapped(record: Record) -> Record:
    """A record without the name of its kind around it: `{"helpdesk_ticket": {…}}`."""
    if len(record) == 1:
        (inner,) = record.values()
        if isinstance(inner, dict):
            return inner
    return record


def ticket_record(exported: Record) -> dict[str, Any]:
    """A ticket as the API's view shows it, without its conversations."""
    requester = record_of(exported.get("requester") or {}, "requester")
    markup = text(exported, "description_html")
    return {
        **{field: exported.get(field) for field in _SAME},
        "id": needed_ident(exported, "display_id"),
        "type": exported.get("ticket_type", exported.get("type")),
        "product_id": _first(exported, "product_id") or _first(_within(exported, "schema_less_ticket"), "product_id"),
        "company_id": _first(exported, "company_id", "owner_id") or _first(requester, "company_id", "customer_id"),
        "description": markup,
        "description_text": "" if markup else text(exported, "description"),
        "tags": _names(exported.get("tags")),
        "custom_fields": _custom_fields(exported),
        "requester": {"name": text(requester, "name"), "email": text(requester, "email")} if requester else None,
        "stats": {field: _within(exported, "ticket_states").get(field) for field in ("resolved_at", "closed_at")},
        "attachments": attachments(exported.get("attachments")),
    }


def conversation_records(exported: Record, people: Mapping[str, Person]) -> list[dict[str, Any]]:
    """A ticket's notes as the API's conversations; those that Freshdesk writes to itself are left out."""
    found = (unwrapped(note) for note in records_of(exported.get("notes"), "notes"))
    return [_conversation(note, people) for note in found if not _is_meta(note) and note.get("deleted") is not True]


def article_record(exported: Record) -> dict[str, Any]:
    """A solution article as the API's list shows it."""
    return {
        **exported,
        "description": text(exported, "description"),
        # What does not say that it is published is a draft.
        "status": _PUBLISHED if _is_published(exported) else _DRAFT,
        "tags": _names(exported.get("tags")),
        "attachments": attachments(exported.get("attachments")),
    }


def attachments(entries: Any) -> list[dict[str, Any]]:
    """Attachments: the older API names a file by what it is made of."""
    return [
        {
            "id": entry.get("id"),
            "name": text(entry, "name") or text(entry, "content_file_name"),
            "content_type": text(entry, "content_type") or text(entry, "content_content_type"),
            "size": number(entry, "size" if "size" in entry else "content_file_size"),
            "attachment_url": text(entry, "attachment_url") or None,
        }
        for entry in map(unwrapped, records_of(entries, "attachments"))
    ]


def people_of(users: list[Record]) -> dict[str, Person]:
    """Users or agents by the id that tickets carry."""
    found = {}
    for user in map(unwrapped, users):
        inner = _within(user, "user") or user
        key = ident(user, "user_id") or ident(inner, "id")
        if key is not None:
            found[key] = Person(original_id=key, name=text(inner, "name"), email=text(inner, "email"))
    return found


def _conversation(note: Record, people: Mapping[str, Person]) -> dict[str, Any]:
    markup = text(note, "body_html")
    author = people.get(ident(note, "user_id") or "")
    return {
        "id": note.get("id"),
        "body": markup,
        "body_text": "" if markup else text(note, "body"),
        # What does not say that it is public is for agents only.
        "private": note.get("private") not in _PUBLIC,
        "incoming": note.get("incoming"),
        "source": note.get("source"),
        "user_id": note.get("user_id"),
        "auto_response": note.get("auto_response"),
        # What the API has of the mail's sender line; the export has the person.
        "from_email": text(note, "from_email") or (_sender(author) if author is not None else ""),
        "created_at": note.get("created_at"),
        "updated_at": note.get("updated_at"),
        "attachments": attachments(note.get("attachments")),
    }


def _is_published(article: Record) -> bool:
    try:
        return number(article, "status") == _PUBLISHED
    except AppError:
        return False


def _sender(author: Person) -> str:
    name = author.name.replace("\\", "").replace('"', "")
    return f'"{name}" <{author.email}>' if name else author.email


def _is_meta(note: Record) -> bool:
    return number(note, "source") == _META or text(note, "body").lstrip().startswith(_META_BEGINS)


def _custom_fields(exported: Record) -> dict[str, Any]:
    """By their API names: the older API puts the account's number behind each."""
    fields = record_of(exported.get("custom_field") or exported.get("custom_fields") or {}, "custom_field")
    suffix = f"_{ident(exported, 'account_id') or '-'}"
    return {name.removesuffix(suffix): value for name, value in fields.items()}


def _names(entries: Any) -> list[str]:
    """Tags, which are objects with a name in one API and texts in the other."""
    if not isinstance(entries, list):
        return []
    return [text(unwrapped(entry), "name") if isinstance(entry, dict) else str(entry) for entry in entries]


def _within(record: Record, field: str) -> Record:
    value = record.get(field)
    return value if isinstance(value, dict) else {}


def _first(record: Record, *fields: str) -> Any:
    return next((record[field] for field in fields if record.get(field) is not None), None)
