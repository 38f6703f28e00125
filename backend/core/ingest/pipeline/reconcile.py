"""Find what vanished without a trace: stored Documents that a complete listing did not name (SPEC A7).

Each one is asked for by itself before anything happens, since a listing leaves out more than what is gone: an archived
ticket can still be read and stays. Where more would go at once than the policy allows, nothing is deleted until an
admin agrees: a key that lost its rights and a helpdesk that lost its tickets look the same from here.
"""

import asyncio
from collections.abc import Collection, Sequence
from itertools import islice

import msgspec

from backend.core import clock
from backend.core.errors import Code
from backend.core.ingest.collect import ITEMS_AT_ONCE, Page, read_refs
from backend.core.ingest.pipeline.take import Taker
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.document import DocType
from backend.core.model.sync import HeldDeletion, ItemRef
from backend.core.model.ticket import Presence
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services

PHASE = "reconciling"
AT_ONCE = 100
LEAST_LOST = 10
"""Fewer than this are deleted without asking, whatever their share."""


async def reconcile(services: Services, company_id: str, taker: Taker, doc_type: DocType) -> None:
    """Delete what is gone, or hold it for an admin. What was asked for and found is remembered: a killed run goes on behind it."""
    run = taker.run
    async with services.database.open(company_id, write=True) as uow:
        # What was held before is looked for anew: it may be back.
        await uow.sweeps.drop_held(run.connection_id, doc_type)
        unseen = await uow.sweeps.missing(run.connection_id, doc_type, run.created_at)
        missing = iter(await _missed(uow, run.connection_id, doc_type, unseen, taker.unread.get(doc_type, ())))
        allowed = max(LEAST_LOST - 1, services.policy.delete_share * await uow.sweeps.live(run.connection_id, doc_type))
    lost: list[ItemRef] = []
    while len(lost) <= allowed and (chunk := list(islice(missing, AT_ONCE))):
        lost += await _look(taker, chunk)
    if len(lost) > allowed and services.policy.delete_share < 1:
        unasked = [msgspec.structs.replace(ref, presence=Presence.PURGED) for ref in missing]
        now = clock.now()
        held = [HeldDeletion(doc_type=doc_type, original_id=each.original_id, presence=each.presence, at=now) for each in (*lost, *unasked)]
        await taker.hold(held)
    else:
        for start in range(0, len(lost), AT_ONCE):
            gone = tuple(lost[start : start + AT_ONCE])
            await taker.keep(Page[Taken](cursor=None, items=(), failures=(), gone=gone), PHASE)
    async with services.database.open(company_id, write=True) as uow:
        await uow.sweeps.end(run.connection_id, doc_type)


async def _missed(uow: UnitOfWork, connection_id: str, doc_type: DocType, unseen: Sequence[str], marks: Collection[str]) -> list[ItemRef]:
    """Those that the listing would have named: what could not be listed is not missed."""
    if not marks:
        return [ItemRef(doc_type=doc_type, original_id=original_id, version="") for original_id in unseen]
    versions = await uow.documents.versions(connection_id, doc_type, unseen)
    stored = {original_id: versions.get(original_id, ("", ""))[0] for original_id in unseen}
    return [
        ItemRef(doc_type=doc_type, original_id=original_id, version="", stored=version)
        for original_id, version in stored.items()
        if not any(mark in version for mark in marks)
    ]


async def _look(taker: Taker, refs: Sequence[ItemRef]) -> list[ItemRef]:
    """Ask for each; those that are there are stored as they are now, those that are not are returned."""
    await taker.wanted(refs)
    items, failures, gone = await read_refs(refs, taker.look_up, asyncio.Semaphore(ITEMS_AT_ONCE))
    hidden = {failure.original_id: failure.at for failure in failures if failure.code == Code.SOURCE_PERMISSION_MISSING}
    found = await taker.complete(items)
    page = Page[Taken](
        cursor=None,
        items=tuple(found),
        failures=tuple(failure for failure in failures if failure.original_id not in hidden),
        named=tuple(taken.ref for taken in found),
        gone=(),
    )
    await taker.keep(page, PHASE, sweep=True)
    return [
        *(msgspec.structs.replace(ref, presence=Presence.PURGED) for ref in gone),
        *(
            msgspec.structs.replace(ref, presence=Presence.HIDDEN, told_at=hidden[ref.original_id])
            for ref in refs
            if ref.original_id in hidden
        ),
    ]
