"""A knowledge-base page."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from backend.core.model.ticket import Attachment, Presence


class Visibility(StrEnum):
    """Who may see a piece of text; every Chunk, Hit and Citation carries one."""

    PUBLIC = "public"
    """Everybody: a published article of a public folder."""
    RESTRICTED = "restricted"
    """Customers who are signed in or of certain companies: an agent may quote it to the right one."""
    CONVERSATION = "conversation"
    """What an agent and one customer wrote each other: its solution may be reused, its names may not."""
    INTERNAL = "internal"
    """Private notes, agents-only and draft articles: never in anything a customer gets."""


class Translation(Struct, frozen=True, kw_only=True):
    """An article in one language."""

    language: str
    """ISO 639-1 with region where the platform gives one: `ko`, `en`, `pt-BR`."""
    title: str
    html: str
    draft: bool = False
    updated_at: datetime


class Article(Struct, frozen=True, kw_only=True):
    """One logical knowledge-base page with all its translations, the primary language first."""

    original_id: str
    translations: tuple[Translation, ...]
    category: str = ""
    folder: str = ""
    """Path of folder names, ` / ` between them."""
    visibility: Visibility
    tags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    canned: bool = False
    """A canned response: a text agents paste, knowledge too."""
    presence: Presence = Presence.LIVE
    created_at: datetime
    updated_at: datetime
    url: str | None = None
    product: str | None = None
    """What of the company it is about, where the platform tells several apart."""
