"""Of two copies of an item the newer one stays, whichever is written last.

A sync reads an item, a webhook is told of a change and reads it too, and the sync writes what it has read: its copy is the
older one then. Which is newer is decided where it is written, in the same transaction: what was asked for after the stored
copy had been written is; of what was asked for side by side, what the helpdesk says was changed later. Where that does not tell
(it counts in whole seconds), what is stored stays and the item is read once more.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.ingest.collect import Page
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.document import DocState, Standing
from backend.core.model.job import Job, JobName, Line
from backend.core.model.sync import ItemRef
from backend.core.model.webhook import Nudge
from backend.core.ports.database import UnitOfWork

SKEW: Final = timedelta(seconds=2)
"""The clocks of two workers may differ by so much: within it the helpdesk's own times count more than ours."""


class Sorted(Struct, frozen=True, kw_only=True):
    """A page without what was overtaken."""

    page: Page[Taken]
    overtaken: tuple[ItemRef, ...]
    """Left out, and to be read once more."""


def is_newer(stored: Standing | None, told_at: datetime, changed_at: datetime | None) -> bool:
    """Whether what was asked for at `told_at` is newer than what is stored.

    `changed_at` is when the helpdesk says that the item changed last; None where it does not.
    """
    if stored is None or told_at >= stored.stored_at + SKEW:
        return True
    after = told_at >= stored.stored_at
    if stored.state is DocState.DELETED or changed_at is None:
        # A tombstone has no time of the helpdesk's to compare with.
        return after
    return changed_at > stored.updated_at or (after and changed_at == stored.updated_at)


def sort_out(page: Page[Taken], standing: Mapping[str, Standing], document_id: Callable[[ItemRef], str]) -> Sorted:
    """The page without items of which a newer copy is stored."""
    items: list[Taken] = []
    gone: list[ItemRef] = []
    overtaken: list[ItemRef] = []
    for taken in page.items:
        stored = standing.get(taken.document_id(document_id))
        newer = is_newer(stored, taken.told_at, taken.changed_at)
        content_hash = taken.same_as if taken.document is None else taken.document.content_hash
        same = stored is not None and stored.content_hash == content_hash
        # Without a Document it was compared with a copy that may be another one by now.
        if not taken.asked_for or (newer and (same or taken.document is not None)):
            items.append(taken)
        elif not same:
            overtaken.append(taken.ref)
    for ref in page.gone:
        told_at = ref.told_at or clock.now()
        (gone if is_newer(standing.get(document_id(ref)), told_at, ref.changed_at) else overtaken).append(ref)
    return Sorted(page=msgspec.structs.replace(page, items=tuple(items), gone=tuple(gone)), overtaken=tuple(overtaken))


async def read_once_more(uow: UnitOfWork, connection_id: str, refs: Iterable[ItemRef]) -> None:
    """Have items read by themselves, as if a webhook had told of them."""
    now = clock.now()
    nudges = [
        Nudge(connection_id=connection_id, doc_type=ref.doc_type, original_id=ref.original_id, at=now, mark=secrets.token_hex(8))
        for ref in refs
    ]
    if nudges:
        await uow.nudges.note(nudges)
        uow.enqueue(Job(name=JobName.READ_NUDGES, company_id=uow.company_id, subject=connection_id, line=Line.QUICK))
