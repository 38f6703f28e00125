"""Marking as deleted what is gone on the helpdesk."""

from collections.abc import Sequence
from itertools import groupby

from backend.core import clock
from backend.core.model.document import DocType
from backend.core.model.sync import ItemRef
from backend.core.ports.database import UnitOfWork


async def mark_gone(uow: UnitOfWork, connection_id: str, gone: Sequence[ItemRef]) -> list[str]:
    """Mark these items of a connection as deleted; returns the ids of the Documents that were not before."""
    deleted: list[str] = []
    for doc_type, group in groupby(sorted(gone, key=_by_type), key=_by_type):
        refs = {ref.original_id: ref.presence.value for ref in group}
        deleted += await uow.documents.mark_deleted(connection_id, doc_type, refs, clock.now())
        await uow.sync.clear_failures(connection_id, doc_type, list(refs))
    return deleted


def _by_type(ref: ItemRef) -> DocType:
    return ref.doc_type
