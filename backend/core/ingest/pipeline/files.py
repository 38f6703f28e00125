"""The files of an item on its way into the store: which there are, what was read of them, which have to be tried again."""

import msgspec

from backend.core import clock
from backend.core.errors import Code
from backend.core.ingest import merge
from backend.core.ingest.attachments import ReadFile
from backend.core.model.article import Article
from backend.core.model.document import AttachmentFile
from backend.core.model.sync import ItemFailure, ItemRef
from backend.core.model.ticket import Attachment, Ticket


def attachments_of(item: Ticket | Article) -> list[Attachment]:
    """All attachments of an item, each once."""
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
    """What a file adds to its Document."""
    return merge.AttachmentText(
        attachment_id=read.file.attachment_id,
        original_id=read.attachment.original_id,
        name=read.attachment.name,
        parent_id=read.attachment.parent_id,
        internal=read.attachment.internal,
        pieces=read.pieces,
        pictured=read.pictured,
    )


def retry_of(ref: ItemRef, file: AttachmentFile) -> ItemFailure:
    """Why an item is to be read again: one of its files could not be had."""
    return ItemFailure(
        doc_type=ref.doc_type,
        original_id=ref.original_id,
        code=file.error_code or Code.INTERNAL,
        message=f"Attachment {file.name}: {file.error_message}",
        at=clock.now(),
        hint=ref.hint,
    )
