"""What was said in a ticket: one conversation a row, or a list of them within a row."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from backend.adapters.file.tables.layout import Record, flat
from backend.adapters.file.tickets.plan import Field, Plan
from backend.adapters.file.tickets.times import moment_of
from backend.adapters.file.tickets.words import is_no, is_yes, role_of
from backend.core.model.ticket import Conversation, ConversationKind, Person, Role

_INNER: Final[dict[Field, tuple[str, ...]]] = {
    Field.TURN_ID: ("id", "comment_id", "conversation_id"),
    Field.TURN_BODY: ("html_body", "body_html", "body", "plain_body", "body_text", "text", "content", "message", "내용"),
    Field.TURN_AUTHOR: ("author.name", "author", "author_name", "user.name", "from", "작성자"),
    Field.TURN_ROLE: ("author.role", "role", "author_role", "direction", "sender_type", "구분"),
    Field.TURN_PRIVATE: ("private", "is_private", "internal", "비공개"),
    Field.TURN_PUBLIC: ("public", "is_public", "공개"),
    Field.TURN_AT: ("created_at", "at", "date", "time", "timestamp", "일시"),
}
"""What a conversation within a row calls its parts."""
_AUTHOR_IDS: Final = ("author_id", "user_id", "author.id")
_SYSTEM_NOTE: Final = "created_by:"
"""How Freshdesk's account export begins notes that only it writes for itself."""


def turns_of(
    records: Sequence[Record], plan: Plan, requester: Person | None, assignee: Person | None, created_at: datetime
) -> list[Conversation]:
    """All of them in the file's order, each once. Raises BadRowError."""
    found: dict[str, Conversation] = {}
    if len(records) == 1 and not (plan.heading(Field.TURNS) or plan.heading(Field.TURN_BODY)):
        return []
    for number, record in enumerate(records):
        for said, names in _said(record, plan, number):
            turn = _turn(said, names, plan, requester, assignee, earliest=created_at + timedelta(seconds=len(found)))
            if turn is not None:
                found.setdefault(turn.original_id, turn)
    return list(found.values())


def looks_like_html(body: str) -> bool:
    """Whether it has tags; `a < b` has none."""
    return "</" in body or "<br" in body or "<p>" in body or "<div" in body


def _said(record: Record, plan: Plan, number: int) -> Iterator[tuple[Record, dict[Field, str]]]:
    """What is said in a row, and what its parts are called."""
    listed = record.get(plan.heading(Field.TURNS)) if plan.heading(Field.TURNS) else None
    if isinstance(listed, list):
        for each in listed:
            if isinstance(each, dict):
                inner = flat(_bare(each))
                yield inner, {field: name for field, names in _INNER.items() if (name := _first(inner, names))}
        return
    own = {field: heading for field in _INNER if (heading := plan.heading(field))}
    if Field.TURN_BODY in own:
        yield record, own
    elif number and (heading := plan.heading(Field.DESCRIPTION)):
        # Several rows of one ticket, told apart by their text only.
        yield record, own | {Field.TURN_BODY: heading}


def _turn(
    said: Record, names: dict[Field, str], plan: Plan, requester: Person | None, assignee: Person | None, *, earliest: datetime
) -> Conversation | None:
    body = _cell(said, names, Field.TURN_BODY)
    if not body or body.startswith(_SYSTEM_NOTE):
        return None
    at = moment_of(said.get(names[Field.TURN_AT]), plan.timezone, day_first=plan.day_first) if Field.TURN_AT in names else None
    author = _cell(said, names, Field.TURN_AUTHOR)
    own_id = next((str(said[name]) for name in _AUTHOR_IDS if said.get(name)), "")
    role = _role(said, names, author, own_id, requester)
    private = _private(said, names)
    person = Person(original_id=own_id or author, name=author) if author or own_id else None
    if person is None or (own_id and not author):
        person = requester if role is Role.CUSTOMER else assignee if person is None else person
    html = looks_like_html(body)
    return Conversation(
        original_id=_cell(said, names, Field.TURN_ID) or hashlib.sha256(f"{at}\x1f{author}\x1f{body}".encode()).hexdigest()[:24],
        kind=ConversationKind.NOTE if private else ConversationKind.SYSTEM if role is Role.SYSTEM else ConversationKind.REPLY,
        role=role,
        author=person,
        private=private,
        at=at or earliest,
        html=body if html else "",
        text="" if html else body,
    )


def _role(said: Record, names: dict[Field, str], author: str, own_id: str, requester: Person | None) -> Role:
    """What is told, else the requester is the customer and everybody else an agent."""
    told = role_of(_cell(said, names, Field.TURN_ROLE))
    if told is not None:
        return told
    if requester is not None and {author, own_id} & {requester.original_id, requester.name, requester.email} - {""}:
        return Role.CUSTOMER
    if not (author or own_id) and said.get("incoming") is True:
        return Role.CUSTOMER
    return Role.AGENT


def _private(said: Record, names: dict[Field, str]) -> bool:
    """For agents only, where it says so or says something that can't be told."""
    if Field.TURN_PRIVATE in names:
        value = said.get(names[Field.TURN_PRIVATE])
        return value not in (None, "") and not is_no(value)
    if Field.TURN_PUBLIC in names:
        return not is_yes(said.get(names[Field.TURN_PUBLIC])) and not _says_public(said.get(names[Field.TURN_PUBLIC]))
    return False


def _says_public(value: Any) -> bool:
    return str(value).strip().casefold() in ("public", "공개", "external")


def _cell(said: Record, names: dict[Field, str], field: Field) -> str:
    value = said.get(names[field]) if field in names else None
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def _bare(each: dict[str, Any]) -> dict[str, Any]:
    """`{"helpdesk_note": {…}}` is its content."""
    inner = next(iter(each.values())) if len(each) == 1 else None
    return inner if isinstance(inner, dict) else each


def _first(record: Record, names: Sequence[str]) -> str:
    return next((name for name in names if record.get(name) not in (None, "", [], {})), "")
