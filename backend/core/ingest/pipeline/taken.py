"""What was read of one item, on its way into the store."""

from msgspec import Struct

from backend.core.ingest.attachments import ReadFile
from backend.core.model.article import Article
from backend.core.model.document import Document
from backend.core.model.sync import ItemFailure, ItemRef
from backend.core.model.ticket import Ticket


class Taken(Struct, frozen=True, kw_only=True):
    """An item that was read, ready to be kept."""

    ref: ItemRef
    item: Ticket | Article | None
    """None: the content is what is stored already and only its version moved, or it was not asked for; or it is merged."""
    document: Document | None = None
    """What was made of the item."""
    asked_for: bool = True
    files: tuple[ReadFile, ...] = ()
    raw: bytes
    retry: ItemFailure | None = None
    """Part of it could not be taken: kept as it is, and read again first thing next time."""
