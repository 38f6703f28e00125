"""What was read of one item, on its way into the store."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.ingest.attachments import ReadFile
from backend.core.ingest.pipeline.settling import settled_version
from backend.core.model.article import Article
from backend.core.model.document import Document, PackedDocument
from backend.core.model.sync import ItemFailure, ItemRef
from backend.core.model.ticket import Ticket


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
    document: Document | PackedDocument | None = None
    """What was made of the item."""
    asked_for: bool = True
    files: tuple[ReadFile, ...] = ()
    raw: bytes
    retry: ItemFailure | None = None
    """Part of it could not be taken: kept as it is, and read again first thing next time."""

    def document_id(self, id_of: Callable[[ItemRef], str]) -> str:
        """Of its Document; `id_of` makes one where there is no Document."""
        return id_of(self.ref) if self.document is None else self.document.document_id


def settled(ref: ItemRef, item: Ticket | Article) -> ItemRef:
    """The item with a version that may be trusted, or that no listing will ever name."""
    version = settled_version(ref.version, item.updated_at, clock.now())
    return ref if version == ref.version else msgspec.structs.replace(ref, version=version)
