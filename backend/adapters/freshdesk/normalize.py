"""Freshdesk's tickets as ours: pure functions from dict to model (https://developers.freshdesk.com/api/#tickets)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

import orjson

from backend.adapters.freshdesk.fields import (
    Record,
    ident,
    malformed,
    moment,
    needed_ident,
    needed_moment,
    number,
    record_of,
    records_of,
    text,
    texts,
)
from backend.adapters.freshdesk.html import inline_images, is_blank
from backend.adapters.freshdesk.names import Names
from backend.core.model.ticket import (
    Attachment,
    Conversation,
    ConversationKind,
    Organization,
    Person,
    Presence,
    Priority,
    Role,
    Status,
    Ticket,
)

_STATUSES: Final = {2: Status.OPEN, 3: Status.PENDING, 4: Status.RESOLVED, 5: Status.CLOSED}
"""https://developers.freshdesk.com/api/#ticket-properties; every other number is a company's own status."""
_PRIORITIES: Final = {1: Priority.LOW, 2: Priority.MEDIUM, 3: Priority.HIGH, 4: Priority.URGENT}
_CHANNELS: Final = {
    1: "email",
    2: "portal",
    3: "phone",
    5: "twitter",
    6: "facebook",
    7: "chat",
    8: "mobile",
    9: "feedback_widget",
    10: "outbound_email",
    11: "ecommerce",
    12: "bot",
    13: "whatsapp",
}
_OUTBOUND: Final = 10
"""An agent wrote the first message: https://developers.freshdesk.com/api/#create_outbound_email."""
_TAG: Final = re.compile(r"<[^>]*>")
_MERGED: Final = re.compile(r"merged into\s+ticket\s+#?\s*(\d+)|티켓\s*#?\s*(\d+)\s*(?:에|으로|로)\s*병합", re.IGNORECASE)
_NOTE, _SURVEY, _FORWARD = 2, 6, 8
"""Values of a conversation's `source`: https://developers.freshdesk.com/api/#conversations."""


def status_of(value: int | None) -> Status:
    """A ticket's status number in our words."""
    return _STATUSES.get(value or 0, Status.OTHER)


def ticket_of(
    record: Record,
    conversations: Sequence[Record],
    names: Names,
    *,
    organization: Organization | None = None,
    satisfaction: str | None = None,
    presence: Presence = Presence.LIVE,
    site: str,
) -> Ticket:
    """A ticket view with all its conversations. `site` is where agents open it: `https://acme.freshdesk.com`."""
    ticket_id = needed_ident(record, "id")
    created_at = needed_moment(record, "created_at")
    requester = _requester(record)
    status = number(record, "status")
    source = number(record, "source")
    stats = record_of(record.get("stats") or {}, "stats")
    attachments, turns = _turns(record, conversations, names, requester=requester, created_at=created_at)
    merged_into = _merged_into(turns) if status_of(status) is Status.CLOSED else None
    return Ticket(
        original_id=ticket_id,
        subject=text(record, "subject"),
        status=status_of(status),
        status_label=names.statuses.get(status or 0) or status_of(status).value.capitalize(),
        priority=_PRIORITIES.get(number(record, "priority") or 0, Priority.LOW),
        requester=requester,
        organization=organization,
        assignee=_agent(ident(record, "responder_id"), names),
        group=names.groups.get(ident(record, "group_id") or ""),
        group_id=ident(record, "group_id"),
        product=names.products.get(ident(record, "product_id") or ""),
        ticket_type=text(record, "type") or None,
        channel=_channel(source, names),
        tags=texts(record, "tags"),
        custom_fields=_custom_fields(record.get("custom_fields"), names.fields),
        satisfaction=satisfaction,
        conversations=turns,
        attachments=attachments,
        presence=presence if merged_into is None else Presence.MERGED,
        merged_into=merged_into,
        created_at=created_at,
        updated_at=needed_moment(record, "updated_at"),
        resolved_at=moment(stats, "resolved_at") or moment(stats, "closed_at"),
        url=f"{site}/a/tickets/{ticket_id}",
    )


def attachments_of(entries: Any, *, parent_id: str | None, internal: bool) -> list[Attachment]:
    """Listed attachments (https://developers.freshdesk.com/api/#attachments); the URL is signed for five minutes."""
    return [
        Attachment(
            original_id=needed_ident(entry, "id"),
            name=text(entry, "name") or f"attachment-{needed_ident(entry, 'id')}",
            content_type=text(entry, "content_type") or "application/octet-stream",
            size=max(0, number(entry, "size") or 0),
            internal=internal,
            url=text(entry, "attachment_url") or None,
            parent_id=parent_id,
        )
        for entry in records_of(entries, "attachments")
    ]


def _turns(
    record: Record, conversations: Sequence[Record], names: Names, *, requester: Person | None, created_at: datetime
) -> tuple[tuple[Attachment, ...], tuple[Conversation, ...]]:
    """The ticket's own attachments, and its turns in order; a picture that replies quote again belongs to the first turn only."""
    markup = text(record, "description")
    seen: set[str] = set()
    own = attachments_of(record.get("attachments"), parent_id=None, internal=False)
    own = _unseen([*own, *inline_images(markup, parent_id=None, internal=False)], seen)
    first = Conversation(
        original_id=f"{needed_ident(record, 'id')}-description",
        kind=ConversationKind.DESCRIPTION,
        role=Role.AGENT if number(record, "source") == _OUTBOUND else Role.CUSTOMER,
        author=_agent(ident(record, "responder_id"), names) if number(record, "source") == _OUTBOUND else requester,
        at=created_at,
        html=markup,
        text="" if markup else text(record, "description_text"),
    )
    turns = [first]
    ordered = sorted(conversations, key=lambda entry: (needed_moment(entry, "created_at"), number(entry, "id") or 0))
    for entry in ordered:
        turn = _turn(entry, names, requester, seen)
        if turn is not None:
            turns.append(turn)
    return tuple(own), tuple(turns)


def _turn(record: Record, names: Names, requester: Person | None, seen: set[str]) -> Conversation | None:
    """One conversation (https://developers.freshdesk.com/api/#list_all_ticket_notes); None where it says nothing."""
    source = number(record, "source")
    markup = text(record, "body")
    plain = "" if markup else text(record, "body_text")
    if source == _SURVEY and is_blank(markup or plain):
        return None
    # A forward goes to a third party: the customer never saw it.
    private = record.get("private") is True or source == _FORWARD
    key, user = needed_ident(record, "id"), ident(record, "user_id")
    incoming = record.get("incoming") is True
    automatic = record.get("auto_response") is True or ident(record, "automation_id") is not None or (user is None and not incoming)
    listed = attachments_of(record.get("attachments"), parent_id=key, internal=private)
    return Conversation(
        original_id=key,
        kind=_kind(source, automatic=automatic, private=private),
        role=Role.SYSTEM if automatic else _role(user, names, requester, incoming=incoming, private=private),
        author=_author(record, user, names, requester),
        private=private,
        at=needed_moment(record, "created_at"),
        html=markup,
        text=plain,
        attachments=tuple(_unseen([*listed, *inline_images(markup, parent_id=key, internal=private)], seen)),
    )


def _kind(source: int | None, *, automatic: bool, private: bool) -> ConversationKind:
    if automatic or source == _SURVEY:
        return ConversationKind.SYSTEM
    if source == _FORWARD:
        return ConversationKind.FORWARD
    # A public note is what the customer got to read: to them it is a reply.
    return ConversationKind.NOTE if private else ConversationKind.REPLY


def _role(user: str | None, names: Names, requester: Person | None, *, incoming: bool, private: bool) -> Role:
    """Who wrote it. `incoming` decides last: a customer's reply may be `incoming: false` (recorded traffic, CONNECTORS section 4)."""
    if requester is not None and user == requester.original_id and (incoming or not private):
        return Role.CUSTOMER
    if user is not None and user in names.agents:
        return Role.AGENT
    # Neither the requester nor a present agent: somebody in copy, or an agent who has left and is no longer listed.
    return Role.CUSTOMER if incoming else Role.AGENT


def _author(record: Record, user: str | None, names: Names, requester: Person | None) -> Person | None:
    if user is None:
        return None
    if requester is not None and user == requester.original_id:
        return requester
    if user in names.agents:
        return names.agents[user]
    # Naming a person in copy by a call of its own would cost as much as the ticket: the mail's sender line has it.
    name, email = parseaddr(text(record, "from_email"))
    return Person(original_id=user, name=name, email=email)


def _requester(record: Record) -> Person | None:
    key = ident(record, "requester_id")
    known = record_of(record.get("requester") or {}, "requester")
    if key is None:
        return None
    return Person(original_id=key, name=text(known, "name"), email=text(known, "email"))


def _agent(key: str | None, names: Names) -> Person | None:
    if key is None:
        return None
    return names.agents.get(key) or Person(original_id=key)


def _channel(source: int | None, names: Names) -> str | None:
    if source is None:
        return None
    return _CHANNELS.get(source) or names.sources.get(source, "").lower().replace(" ", "_") or None


def _custom_fields(value: Any, labels: Mapping[str, str]) -> dict[str, str]:
    if value is None:
        return {}
    found = {labels.get(name, name): _written(entry) for name, entry in record_of(value, "custom_fields").items()}
    return {label: entry for label, entry in found.items() if entry}


def _written(value: Any) -> str:
    if value is None or value in ("", []):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(_written(entry) for entry in value)
    return orjson.dumps(value).decode()


def _unseen(attachments: Iterable[Attachment], seen: set[str]) -> list[Attachment]:
    fresh = [attachment for attachment in attachments if attachment.original_id not in seen]
    seen.update(attachment.original_id for attachment in fresh)
    return fresh


def _merged_into(turns: Sequence[Conversation]) -> str | None:
    """The ticket that a closed one was merged into. No field tells: merging leaves a private note that says so."""
    for turn in reversed(turns):
        if turn.private and turn.role is not Role.CUSTOMER and (found := _MERGED.search(_TAG.sub(" ", turn.html) or turn.text)):
            return found.group(1) or found.group(2)
    return None


def presence_of(record: Record) -> Presence:
    """Whether a ticket is in the trash or among the spam; null means no."""
    for field, presence in (("deleted", Presence.DELETED), ("spam", Presence.SPAM)):
        value = record.get(field)
        if value is not None and not isinstance(value, bool):
            raise malformed(field, type(value).__name__)
        if value:
            return presence
    return Presence.LIVE
