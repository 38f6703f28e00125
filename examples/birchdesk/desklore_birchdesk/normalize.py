"""Birchdesk's tickets and articles in Desklore's words: pure functions."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.ticket import (
    Attachment,
    Conversation,
    ConversationKind,
    Organization,
    Person,
    Priority,
    Role,
    Status,
    Ticket,
)

from desklore_birchdesk.payloads import ArticlePayload, Message, Someone, TicketPayload

_STATUSES: Final = {
    "new": Status.OPEN,
    "open": Status.OPEN,
    "waiting": Status.PENDING,
    "solved": Status.RESOLVED,
    "closed": Status.CLOSED,
}
"""What Birchdesk adds some day is OTHER, under its own name."""
_PRIORITIES: Final = {"low": Priority.LOW, "normal": Priority.MEDIUM, "high": Priority.HIGH, "urgent": Priority.URGENT}
_ROLES: Final = {"agent": Role.AGENT, "robot": Role.SYSTEM}
_AUDIENCES: Final = {"everyone": Visibility.PUBLIC, "customers": Visibility.RESTRICTED}


def ticket_of(payload: TicketPayload, *, site: str) -> Ticket:
    """A ticket with all its messages. `site` is where agents open it: `https://acme.birchdesk.example`."""
    status = _STATUSES.get(payload.status or "", Status.OTHER)
    messages = sorted(payload.messages or (), key=lambda message: message.created_at)
    turns = [_turn(message) for message in messages]
    if turns:
        turns[0] = msgspec.structs.replace(turns[0], kind=ConversationKind.DESCRIPTION)
    organization = payload.organization
    return Ticket(
        original_id=str(payload.id),
        subject=payload.subject or "",
        status=status,
        status_label=(payload.status or status.value).capitalize(),
        priority=_PRIORITIES.get(payload.priority or "", Priority.LOW),
        requester=_person(payload.requester),
        organization=None if organization is None else Organization(original_id=str(organization.id), name=organization.name or ""),
        assignee=_person(payload.assignee),
        group=payload.team,
        product=payload.product,
        tags=payload.tags or (),
        custom_fields={label: written for label, value in (payload.fields or {}).items() if (written := _written(value))},
        conversations=tuple(turns),
        created_at=_utc(payload.created_at),
        updated_at=_utc(payload.changed_at),
        resolved_at=None if payload.solved_at is None else _utc(payload.solved_at),
        url=f"{site}/tickets/{payload.id}",
    )


def article_of(payload: ArticlePayload, *, site: str) -> Article:
    """An article with all its languages. What is published in none is for agents only, and so is what does not say for whom it is."""
    published = any(text.published for text in payload.texts)
    changed_at = _utc(payload.changed_at)
    return Article(
        original_id=str(payload.id),
        translations=tuple(
            Translation(
                language=text.language, title=text.title or "", html=text.html or "", draft=not text.published, updated_at=changed_at
            )
            for text in payload.texts
        ),
        category=payload.section or "",
        visibility=_AUDIENCES.get(payload.audience or "", Visibility.INTERNAL) if published else Visibility.INTERNAL,
        created_at=_utc(payload.created_at),
        updated_at=changed_at,
        url=f"{site}/articles/{payload.id}",
    )


def _turn(message: Message) -> Conversation:
    # Only what says that it is not internal may reach a customer.
    private = message.internal is not False
    key = str(message.id)
    role = _ROLES.get((message.author.kind if message.author else None) or "", Role.CUSTOMER)
    kind = ConversationKind.SYSTEM if role is Role.SYSTEM else ConversationKind.NOTE if private else ConversationKind.REPLY
    return Conversation(
        original_id=key,
        kind=kind,
        role=role,
        author=_person(message.author),
        private=private,
        at=_utc(message.created_at),
        html=message.html or "",
        attachments=tuple(
            Attachment(
                original_id=str(file.id),
                name=file.name or f"file-{file.id}",
                content_type=file.type or "application/octet-stream",
                size=max(0, file.size or 0),
                internal=private,
                parent_id=key,
            )
            for file in message.files or ()
        ),
    )


def _person(someone: Someone | None) -> Person | None:
    return None if someone is None else Person(original_id=str(someone.id), name=someone.name or "", email=someone.email or "")


def _written(value: Any) -> str:
    """A custom field's value as text; nothing for null and empty ones."""
    if value is None or value in ("", []):
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_written, value)))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
