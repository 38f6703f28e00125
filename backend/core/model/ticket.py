"""A helpdesk ticket and what belongs to it, the same whatever platform it came from."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"
    OTHER = "other"
    """A status of the platform or the company that is none of these; see `status_label`."""


class Priority(StrEnum):
    """How urgent a ticket is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Role(StrEnum):
    """Who wrote a Conversation."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class ConversationKind(StrEnum):
    """What sort of turn it is."""

    DESCRIPTION = "description"
    """The ticket's first message."""
    REPLY = "reply"
    NOTE = "note"
    FORWARD = "forward"
    SYSTEM = "system"


class Presence(StrEnum):
    """Whether the platform still has the item (SPEC A7). It may come back from every one of these."""

    LIVE = "live"
    ARCHIVED = "archived"
    """Out of the platform's lists, and still to be read: it stays."""
    MERGED = "merged"
    """Its conversation goes on in another ticket, `merged_into`: kept, and not found by search."""
    DELETED = "deleted"
    SPAM = "spam"
    PURGED = "purged"
    """Gone without a trace: no list names it and nobody can read it."""
    HIDDEN = "hidden"
    """The credentials may no longer read it."""


class Person(Struct, frozen=True, kw_only=True):
    """Somebody on a helpdesk; any field but the id may be unknown."""

    original_id: str
    name: str = ""
    email: str = ""


class Organization(Struct, frozen=True, kw_only=True):
    """The company a customer belongs to, on the helpdesk."""

    original_id: str
    name: str = ""


class Attachment(Struct, frozen=True, kw_only=True):
    """A file of a ticket, a conversation or an article, as the platform describes it."""

    original_id: str
    name: str
    content_type: str
    size: int
    """In bytes, as the platform says; not to be trusted."""
    inline: bool = False
    internal: bool = False
    """It belongs to a private note or an agents-only article: never for customers."""
    url: str | None = None
    """A signed URL that may be dead already; never part of a hash, never shown."""
    parent_id: str | None = None
    """The original_id of the Conversation it hangs on; None for the ticket or article itself."""
    essential: bool = False
    """The item is this file and nothing beside it: where it can't be read, the item can't be taken."""


class Conversation(Struct, frozen=True, kw_only=True):
    """One turn of a ticket. `html` is the platform's body; `text` is used where there is no HTML."""

    original_id: str
    kind: ConversationKind
    role: Role
    author: Person | None = None
    private: bool = False
    """Agents only: kept out of anything a customer may see."""
    at: datetime
    html: str = ""
    text: str = ""
    attachments: tuple[Attachment, ...] = ()


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket with all its conversations, oldest first; the first has kind DESCRIPTION."""

    original_id: str
    subject: str
    status: Status
    status_label: str
    """The platform's own label, such as `Waiting on Customer`."""
    priority: Priority
    requester: Person | None = None
    organization: Organization | None = None
    assignee: Person | None = None
    group: str | None = None
    group_id: str | None = None
    """The platform's id of the group, also where its name could not be read."""
    product: str | None = None
    ticket_type: str | None = None
    channel: str | None = None
    """How it came in: `email`, `portal`, `phone`, `chat`, …"""
    tags: tuple[str, ...] = ()
    custom_fields: dict[str, str] = {}
    """By the label people see, values as text; empty ones left out."""
    satisfaction: str | None = None
    conversations: tuple[Conversation, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    presence: Presence = Presence.LIVE
    merged_into: str | None = None
    """The original_id of the ticket it was merged into."""
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    url: str | None = None
    """Where an agent opens it."""
