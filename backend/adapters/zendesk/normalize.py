"""Zendesk's tickets as ours: pure functions from dict to model (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/)."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import orjson
from msgspec import structs

from backend.adapters.zendesk.fields import Record, child, ident, needed_ident, needed_moment, number, records, size, text, texts
from backend.adapters.zendesk.html import inline_images, plain, token_of
from backend.adapters.zendesk.names import Names
from backend.adapters.zendesk.people import User
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

_STATUSES: Final = {
    "new": Status.OPEN,
    "open": Status.OPEN,
    "pending": Status.PENDING,
    "hold": Status.PENDING,
    "solved": Status.RESOLVED,
    "closed": Status.CLOSED,
}
"""`hold` waits for somebody else than the customer, and waits."""
_PRIORITIES: Final = {"low": Priority.LOW, "normal": Priority.MEDIUM, "high": Priority.HIGH, "urgent": Priority.URGENT}
_CHANNELS: Final = {"voice": "phone", "web": "portal", "chat_transcript": "chat", "native_messaging": "chat", "mobile_sdk": "mobile"}
_ROBOTS: Final = frozenset({"rule", "system", "automation", "trigger"})
"""Channels of comments that nobody wrote (https://developer.zendesk.com/documentation/ticketing/reference-guides/via-object-reference/)."""
_SYSTEM: Final = "-1"
DELETED: Final = "deleted"
_SCRUBBED: Final = "SCRUBBED"
_MERGED: Final = "closed_by_merge"
"""The tag that Zendesk itself gives to a ticket that was merged into another."""
_TARGET: Final = re.compile(r"#\s?(\d+)")
_SCORES: Final = {"good": "good", "good_with_comment": "good", "bad": "bad", "bad_with_comment": "bad"}


def status_of(record: Record) -> Status:
    """A ticket's status in our words; one we don't know is OTHER."""
    return _STATUSES.get(text(record, "status"), Status.OTHER)


def gone_as(record: Record) -> Presence | None:
    """How a ticket of the export is gone, if it is. One deleted for ever is scrubbed: what is left says SCRUBBED (recorded traffic)."""
    if text(record, "status") != DELETED:
        return None
    scrubbed = text(record, "subject") == _SCRUBBED and ident(record, "submitter_id") in (None, _SYSTEM)
    return Presence.PURGED if scrubbed else Presence.DELETED


def people_in(record: Record, comments: Iterable[Record]) -> set[str]:
    """The ids of everybody a ticket names."""
    ids = {ident(record, "requester_id"), ident(record, "assignee_id"), *(ident(comment, "author_id") for comment in comments)}
    return {key for key in ids if key is not None}


def ticket_of(
    record: Record,
    comments: Sequence[Record],
    names: Names,
    users: Mapping[str, User],
    *,
    organization: Organization | None = None,
    solved_at: datetime | None = None,
    site: str,
) -> Ticket:
    """A ticket with all its comments. `site` is where agents open it: `https://acme.zendesk.com`."""
    ticket_id = needed_ident(record, "id")
    created_at = needed_moment(record, "created_at")
    requester_id = ident(record, "requester_id")
    attachments, turns = _turns(record, comments, users, requester_id=requester_id, created_at=created_at)
    status = status_of(record)
    merged = _MERGED in texts(record, "tags") and status in (Status.CLOSED, Status.RESOLVED)
    return Ticket(
        original_id=ticket_id,
        subject=text(record, "subject") or text(record, "raw_subject"),
        status=status,
        status_label=_status_label(record, status, names),
        priority=_PRIORITIES.get(text(record, "priority"), Priority.LOW),
        requester=_person(requester_id, users),
        organization=organization,
        assignee=_person(ident(record, "assignee_id"), users),
        group=names.groups.get(ident(record, "group_id") or ""),
        group_id=ident(record, "group_id"),
        product=names.brands.get(ident(record, "brand_id") or ""),
        ticket_type=text(record, "type") or None,
        channel=_channel(record),
        tags=texts(record, "tags"),
        custom_fields=_custom_fields(record, names),
        satisfaction=_SCORES.get(text(child(record, "satisfaction_rating"), "score")),
        conversations=turns,
        attachments=attachments,
        presence=Presence.MERGED if merged else Presence.LIVE,
        merged_into=_merged_into(turns) if merged else None,
        created_at=created_at,
        updated_at=needed_moment(record, "updated_at"),
        resolved_at=solved_at if status in (Status.RESOLVED, Status.CLOSED) else None,
        url=f"{site}/agent/tickets/{ticket_id}",
    )


def attachments_of(record: Record, *, parent_id: str | None, internal: bool) -> list[Attachment]:
    """A comment's files (https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/).

    What was redacted is not there any more, and what Zendesk found to be malware is not fetched unless an admin said that it is none.
    """
    found = []
    for entry in records(record, "attachments"):
        key, url = ident(entry, "id"), text(entry, "content_url")
        infected = text(entry, "malware_scan_result") == "malware_found" and entry.get("malware_access_override") is not True
        # A picture in the body is known by its token, whichever call told of it.
        shown = entry.get("inline") is True and bool(token_of(url)) and token_of(url) in text(record, "html_body")
        if key is None or entry.get("deleted") is True or infected or shown:
            continue
        found.append(attachment_of(entry, key, internal=internal, parent_id=parent_id))
    return found


def attachment_of(entry: Record, key: str, *, internal: bool, parent_id: str | None = None) -> Attachment:
    """One file of a comment or an article, as Zendesk's lists of both tell of it; `key` is its id."""
    return Attachment(
        original_id=key,
        name=text(entry, "file_name") or f"attachment-{key}",
        content_type=text(entry, "content_type") or "application/octet-stream",
        size=size(entry, "size"),
        inline=entry.get("inline") is True,
        internal=internal,
        url=text(entry, "content_url") or None,
        parent_id=parent_id,
    )


def _turns(
    record: Record, comments: Sequence[Record], users: Mapping[str, User], *, requester_id: str | None, created_at: datetime
) -> tuple[tuple[Attachment, ...], tuple[Conversation, ...]]:
    """The files of the first comment, which are the ticket's, and its turns in order. A picture that replies quote belongs to the first."""
    seen: set[str] = set()
    ordered = sorted(((needed_moment(entry, "created_at"), number(entry, "id") or 0, entry) for entry in comments), key=itemgetter(0, 1))
    if not ordered:
        first = Conversation(
            original_id=f"{needed_ident(record, 'id')}-description",
            kind=ConversationKind.DESCRIPTION,
            role=Role.CUSTOMER,
            author=_person(requester_id, users),
            private=record.get("is_public") is False,
            at=created_at,
            text=text(record, "description"),
        )
        return (), (first,)
    first, *rest = [_turn(comment, at, users, requester_id, seen) for at, _, comment in ordered]
    own = tuple(structs.replace(file, parent_id=None) for file in first.attachments)
    return own, (structs.replace(first, kind=ConversationKind.DESCRIPTION, attachments=()), *rest)


def _turn(record: Record, at: datetime, users: Mapping[str, User], requester_id: str | None, seen: set[str]) -> Conversation:
    """One comment (https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/)."""
    key, author_id = needed_ident(record, "id"), ident(record, "author_id")
    # Only what says that it is public went to the customer.
    private = record.get("public") is not True
    automatic = author_id in (None, _SYSTEM) or text(child(record, "via"), "channel") in _ROBOTS
    markup, plain_text = _words(record)
    files = [*attachments_of(record, parent_id=key, internal=private), *inline_images(markup, parent_id=key, internal=private)]
    return Conversation(
        original_id=key,
        kind=ConversationKind.SYSTEM if automatic else ConversationKind.NOTE if private else ConversationKind.REPLY,
        role=Role.SYSTEM if automatic else _role(author_id, users, requester_id, private=private),
        author=None if author_id == _SYSTEM else _person(author_id, users),
        private=private,
        at=at,
        html=markup,
        text=plain_text,
        attachments=tuple(_unseen(files, seen)) if files else (),
    )


def _words(record: Record) -> tuple[str, str]:
    """What a comment says as HTML, or as text where there is none; of a call also its transcript."""
    markup, plain_text = text(record, "html_body"), text(record, "plain_body") or text(record, "body")
    spoken = text(child(record, "data"), "transcription_text").strip()
    if spoken and _squeezed(spoken) not in _squeezed(plain(markup) if markup else plain_text):
        markup = f"{markup}<p>{html.escape(spoken)}</p>" if markup else ""
        plain_text = plain_text if markup else f"{plain_text}\n{spoken}".strip()
    return markup, "" if markup else plain_text


def _squeezed(words: str) -> str:
    return "".join(words.split())


def _role(author_id: str | None, users: Mapping[str, User], requester_id: str | None, *, private: bool) -> Role:
    """Who wrote it: a colleague who asks for help is a customer in public, and a colleague in private."""
    if author_id == requester_id and not private:
        return Role.CUSTOMER
    user = users.get(author_id or "")
    if user is not None:
        return Role.AGENT if user.staff else Role.CUSTOMER
    # Somebody who was deleted for ever: customers write no private comments.
    return Role.AGENT if private else Role.CUSTOMER


def _person(key: str | None, users: Mapping[str, User]) -> Person | None:
    if key is None or key == _SYSTEM:
        return None
    known = users.get(key)
    return known.person if known is not None else Person(original_id=key)


def _status_label(record: Record, status: Status, names: Names) -> str:
    """What agents see: the name of a custom status. A closed ticket keeps the one it was solved with."""
    own = names.statuses.get(ident(record, "custom_status_id") or "")
    if own and status is not Status.CLOSED:
        return own
    return text(record, "status").capitalize() or status.value.capitalize()


def _channel(record: Record) -> str | None:
    channel = text(child(record, "via"), "channel")
    return _CHANNELS.get(channel, channel) or None


def _custom_fields(record: Record, names: Names) -> dict[str, str]:
    """By title; choices by name. A field that is not known any more goes by its id."""
    found: dict[str, str] = {}
    for entry in records(record, "custom_fields"):
        key = ident(entry, "id")
        field = names.fields.get(key or "")
        written = _written(entry.get("value"), field.options if field is not None else {})
        if key is not None and written:
            found[field.title if field is not None else key] = written
    return found


def _written(value: Any, options: Mapping[str, str]) -> str:
    if value is None or value in ("", []):
        return ""
    if isinstance(value, str):
        return options.get(value) or value
    if isinstance(value, list):
        return ", ".join(filter(None, (_written(entry, options) for entry in value)))
    return str(value).lower() if isinstance(value, bool | int | float) else orjson.dumps(value).decode()


def _unseen(attachments: Iterable[Attachment], seen: set[str]) -> list[Attachment]:
    fresh = [attachment for attachment in attachments if attachment.original_id not in seen]
    seen.update(attachment.original_id for attachment in fresh)
    return fresh


def _merged_into(turns: Sequence[Conversation]) -> str | None:
    """The ticket that a merged one goes on in: the comment that closed it names it by number, in whatever language."""
    for turn in reversed(turns):
        found = None if turn.role is Role.CUSTOMER else _TARGET.search(plain(turn.html) or turn.text)
        if found is not None:
            return found.group(1)
    return None
