"""A sync that read a ticket before it changed never overwrites what a webhook's read stored meanwhile, be it changed, gone or back.

Reading and writing are called one by one here, so the order of events is given and no clock has a say in it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from backend.core import clock, ids
from backend.core.ingest.collect import collect
from backend.core.ingest.pipeline.halfway import KeptAnswers
from backend.core.ingest.pipeline.sources import open_source
from backend.core.ingest.pipeline.take import Taker
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, Run, RunCounts, RunOptions, RunState, Stream
from backend.core.model.webhook import Nudge
from backend.core.ports.services import Services
from backend.core.usecases.nudges import read_nudges
from sandbox.freshdesk import change as freshdesk_change
from sandbox.serve import SandboxOptions, running_sandbox, running_zendesk
from sandbox.zendesk import change as zendesk_change
from tests.e2e.trip import Trip

NEW, NEWER = "먼저 바뀐 제목", "나중에 바뀐 제목"


class Desk:
    """A helpdesk of either platform with a connection to it, and a sync of it that is taken apart."""

    def __init__(self, services: Services, connection_id: str, site: Any, *, zendesk: bool) -> None:
        self.services, self.connection_id, self.site, self.zendesk = services, connection_id, site, zendesk
        self.change: Any = zendesk_change if zendesk else freshdesk_change
        live = [each.id for each in site.account.tickets.values() if each.state == "live" and each.merged_into is None]
        self.number = live[-1]

    def update(self, subject: str) -> None:
        """Give the ticket another subject, later than all before."""
        self._later()
        self.change.update(self.site, self.number, {"subject": subject})

    def delete(self) -> None:
        """Put it into the trash."""
        self._later()
        if self.zendesk:
            zendesk_change.delete(self.site, self.number)
        else:
            freshdesk_change.set_state(self.site, self.number, "deleted")

    def restore(self) -> None:
        """Take it out again."""
        self._later()
        if self.zendesk:
            zendesk_change.restore(self.site, self.number)
        else:
            freshdesk_change.set_state(self.site, self.number, "live")

    async def told(self) -> None:
        """Read the ticket as after a webhook."""
        nudge = Nudge(
            connection_id=self.connection_id,
            doc_type=DocType.TICKET,
            original_id=str(self.number),
            at=clock.now() - timedelta(minutes=1),
            mark="told",
        )
        async with self.services.database.open("acme") as uow:
            await uow.nudges.note([nudge])
        await read_nudges(self.services, "acme", self.connection_id)

    async def synced(self, stream: Stream = Stream.TICKETS, between: Callable[[], Any] | None = None) -> None:
        """Read a stream; what happens `between`, and is told of, happens after all was read and before anything is written."""
        async with self.services.database.open("acme") as uow:
            connection = await uow.connections.get(self.connection_id)
            run = Run(
                run_id=ids.new_id("run"),
                connection_id=self.connection_id,
                state=RunState.RUNNING,
                options=RunOptions(),
                counts=RunCounts(),
                created_at=clock.now(),
            )
            await uow.sync.put_run(run)
            cursor = await uow.sync.get_cursor(self.connection_id, stream)
        assert connection is not None
        source = await open_source(self.services, "acme", connection, Lane.INCREMENTAL)
        kept = KeptAnswers(self.services.blobs.open("acme"), self.connection_id)
        taker = Taker(self.services, "acme", connection, source, run, kept=kept)
        async with aclosing(collect(source, cursor or Cursor(stream=stream), run.options, taker)) as pages:
            read = [page async for page in pages]
        if between is not None:
            between()
            await self.told()
        for page in read:
            await taker.keep(page)
        await source.close()
        async with self.services.database.open("acme") as uow:
            await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.COMPLETED, finished_at=clock.now()))

    async def document(self) -> Document | None:
        """What is stored of the ticket, a tombstone too."""
        platform = "zendesk" if self.zendesk else "freshdesk"
        async with self.services.database.open("acme") as uow:
            return await uow.documents.find(platform, DocType.TICKET, str(self.number))

    async def done(self) -> bool:
        """Whether nothing is left to be read again or to be indexed."""
        async with self.services.database.open("acme") as uow:
            left = await uow.nudges.due(self.connection_id, None, 1)
            states = await uow.documents.counts()
        return not left and not states[DocState.PENDING] and not states[DocState.PROCESSING]

    def _later(self) -> None:
        if self.zendesk:
            # The exports lie a minute behind.
            self.site.pass_time(61)

    def settle(self) -> None:
        """Let a minute go by on the helpdesk."""
        self._later()


@pytest.fixture(params=["freshdesk", "zendesk"])
async def desk(request: pytest.FixtureRequest, trip: Trip) -> AsyncIterator[Desk]:
    """A connected helpdesk, not synced yet."""
    tenant = await trip.onboard("acme")
    options = SandboxOptions(tickets=8)
    if request.param == "zendesk":
        async with running_zendesk(options) as zendesk:
            await tenant.connect_zendesk(zendesk)
            yield Desk(trip.runtime.services, tenant.connection_id, zendesk.site, zendesk=True)
    else:
        async with running_sandbox(options) as freshdesk:
            await tenant.connect(freshdesk)
            yield Desk(trip.runtime.services, tenant.connection_id, freshdesk.site, zendesk=False)


async def _is(desk: Desk, title: str | None) -> None:
    """The ticket is stored and indexed with this title, or with None neither."""
    async with asyncio.timeout(60):
        while not await desk.done():
            await asyncio.sleep(0.02)
    document = await desk.document()
    assert document is not None
    index = await desk.services.indexes.open("acme")
    if title is None:
        assert document.state is DocState.DELETED
        assert await index.chunks(document.document_id) == []
    else:
        assert (document.title, document.state) == (title, DocState.INDEXED)
        assert await index.chunks(document.document_id)


async def test_an_older_copy_does_not_overwrite_a_newer_one(desk: Desk) -> None:
    desk.update(NEW)
    desk.settle()
    await desk.synced(between=lambda: desk.update(NEWER))
    await _is(desk, NEWER)


async def test_what_was_deleted_meanwhile_does_not_come_back(desk: Desk) -> None:
    await desk.synced()
    desk.update(NEW)
    desk.settle()
    await desk.synced(between=desk.delete)
    await _is(desk, None)


async def test_nor_does_what_was_never_stored_before_it_was_deleted(desk: Desk) -> None:
    await desk.synced(between=desk.delete)
    await _is(desk, None)


async def test_what_was_restored_meanwhile_is_not_deleted(desk: Desk) -> None:
    desk.update(NEW)
    desk.settle()
    await desk.synced()
    await desk.synced(Stream.DELETIONS)
    desk.delete()
    desk.settle()
    await desk.synced(Stream.DELETIONS, between=desk.restore)
    await _is(desk, NEW)


async def test_what_is_newer_is_taken_in_any_order_of_the_two(desk: Desk) -> None:
    desk.update(NEW)
    desk.settle()
    await desk.synced()
    desk.update(NEWER)
    desk.settle()
    await desk.told()
    await desk.synced()
    await _is(desk, NEWER)
    desk.update(NEW)
    desk.settle()
    await desk.synced()
    await _is(desk, NEW)
