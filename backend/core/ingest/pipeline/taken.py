"""What was read of one item, on its way into the store."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.ingest.attachments import ReadFile
from backend.core.model.article import Article
from backend.core.model.document import Document
from backend.core.model.sync import ItemFailure, ItemRef
from backend.core.model.ticket import Ticket

SETTLING = timedelta(minutes=2)
"""A version is not trusted sooner after the change it stands for; the platform's clock and ours may differ by as much."""


class Taken(Struct, frozen=True, kw_only=True):
    """An item that was read, ready to be kept."""

    ref: ItemRef
    told_at: datetime
    """When the helpdesk was asked for what is in it; it may have changed since."""
    changed_at: datetime
    """When the helpdesk says that it changed last."""
    same_as: str | None = None
    """The content hash it was compared with and found to be the same as."""
    item: Ticket | Article | None
    """None: the content is what is stored already and only its version moved, or it was not asked for; or it is merged."""
    document: Document | None = None
    """What was made of the item."""
    asked_for: bool = True
    files: tuple[ReadFile, ...] = ()
    raw: bytes
    retry: ItemFailure | None = None
    """Part of it could not be taken: kept as it is, and read again first thing next time."""


def settled(ref: ItemRef, item: Ticket | Article) -> ItemRef:
    """The item with a version that may be trusted, or that no listing will ever name, so that it is read once more.

    Platforms tell times in whole seconds: what changes again within the second in which it was read has the version that
    is stored already, and would be taken for unchanged for ever.
    """
    if clock.now() - item.updated_at > SETTLING:
        return ref
    return msgspec.structs.replace(ref, version=f"{ref.version}~")
