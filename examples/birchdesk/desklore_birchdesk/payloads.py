"""The documented shapes of tickets and articles. Any field but ids and times may be null or missing; unknown ones are left alone."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Key = str | int
"""Birchdesk documents texts, and has sent numbers."""


class Someone(msgspec.Struct, frozen=True):
    """A person, or an organization."""

    id: Key
    name: str | None = None
    email: str | None = None
    kind: str | None = None
    """Of a person: `customer`, `agent` or `robot`."""


class File(msgspec.Struct, frozen=True):
    """A file's description; its bytes are at `/v1/files/{id}`."""

    id: Key
    name: str | None = None
    type: str | None = None
    size: int | None = None


class Message(msgspec.Struct, frozen=True):
    """A turn of a ticket. Only agents see an internal one."""

    id: Key
    created_at: Moment
    author: Someone | None = None
    internal: bool | None = None
    html: str | None = None
    files: tuple[File, ...] | None = None


class TicketPayload(msgspec.Struct, frozen=True):
    """`GET /v1/tickets/{id}`. The first message is what the customer wrote."""

    id: Key
    created_at: Moment
    changed_at: Moment
    subject: str | None = None
    status: str | None = None
    priority: str | None = None
    requester: Someone | None = None
    assignee: Someone | None = None
    organization: Someone | None = None
    team: str | None = None
    product: str | None = None
    tags: tuple[str, ...] | None = None
    fields: dict[str, Any] | None = None
    """Custom fields by their labels."""
    solved_at: Moment | None = None
    messages: tuple[Message, ...] | None = None


class Text(msgspec.Struct, frozen=True):
    """An article in one language."""

    language: str
    title: str | None = None
    html: str | None = None
    published: bool | None = None


class ArticlePayload(msgspec.Struct, frozen=True):
    """`GET /v1/articles/{id}`. Its first text is in the account's own language."""

    id: Key
    created_at: Moment
    changed_at: Moment
    audience: str | None = None
    """`everyone`, `customers` or `agents`."""
    section: str | None = None
    texts: tuple[Text, ...] = ()
