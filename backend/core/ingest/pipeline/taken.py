"""What was read of one item, on its way into the store."""

from datetime import timedelta

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.errors import Code
from backend.core.ingest import merge
from backend.core.ingest.attachments import ReadFile
from backend.core.model.article import Article
from backend.core.model.document import AttachmentFile, Document
from backend.core.model.sync import ItemFailure, ItemRef
from backend.core.model.ticket import Attachment, Ticket

SETTLING = timedelta(minutes=2)
"""A version is not trusted sooner after the change it stands for; the platform's clock and ours may differ by as much."""


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


def settled(ref: ItemRef, item: Ticket | Article) -> ItemRef:
    """The item with a version that may be trusted, or that no listing will ever name, so that it is read once more.

    Platforms tell times in whole seconds: what changes again within the second in which it was read has the version that
    is stored already, and would be taken for unchanged for ever.
    """
    if clock.now() - item.updated_at > SETTLING:
        return ref
    return msgspec.structs.replace(ref, version=f"{ref.version}~")


def attachments_of(item: Ticket | Article) -> list[Attachment]:
    """Every file of an item, each once."""
    if isinstance(item, Article):
        return list(item.attachments)
    # Whatever the adapter says of a file, it is no more open than the turn it hangs on.
    of_turns = (
        msgspec.structs.replace(each, internal=each.internal or merge.is_internal(turn))
        for turn in item.conversations
        for each in turn.attachments
    )
    every = [*item.attachments, *of_turns]
    return list({each.original_id: each for each in every}.values())


def text_of(read: ReadFile) -> merge.AttachmentText:
    """What was read in a file, and where it hangs."""
    return merge.AttachmentText(
        attachment_id=read.file.attachment_id,
        original_id=read.attachment.original_id,
        name=read.attachment.name,
        parent_id=read.attachment.parent_id,
        internal=read.attachment.internal,
        pieces=read.pieces,
    )


def retry_of(ref: ItemRef, file: AttachmentFile) -> ItemFailure:
    """An item that is kept without one of its files, to be read again."""
    return ItemFailure(
        doc_type=ref.doc_type,
        original_id=ref.original_id,
        code=file.error_code or Code.INTERNAL,
        message=f"Attachment {file.name}: {file.error_message}",
        at=clock.now(),
        hint=ref.hint,
    )
