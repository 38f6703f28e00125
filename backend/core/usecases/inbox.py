"""The receiving side of webhooks: who sent it is checked, what it tells of is noted durably, and nothing else is done.

A company's deliveries that come in together are noted in one transaction: a commit costs more than all the rest, and its
cost is shared. The secrets are kept opened for a few seconds, so that a burst asks neither the database nor a key service.
"""

import asyncio
import hmac
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from contextvars import Context
from typing import Final

from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.nudged import COLLECT
from backend.core.model.document import DocType
from backend.core.model.job import Job, JobName, Line
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Delivery, Nudge, field_of
from backend.core.ports.services import Services

KEEP_SECONDS: Final = 5.0
"""So long a rotated secret may still be believed by a process that did not rotate it."""
MAX_HOOKS: Final = 5_000
MAX_BODY: Final = 256 * 1024
"""Bytes; no helpdesk tells of a ticket in more."""


class Hook(Struct, frozen=True, kw_only=True):
    """A connection's webhook, its secret opened."""

    company_id: str
    platform: str
    connection_id: str
    secret: Secret


class Told(Struct, frozen=True, kw_only=True):
    """A delivery that was checked: whose it is, and the items it names."""

    hook: Hook
    items: tuple[tuple[DocType, str], ...]
    digest: str
    """What tells it from all others; empty where nothing does."""


class Waiting(Struct, frozen=True, kw_only=True, eq=False):
    """A delivery that waits to be noted."""

    told: Told
    noted: "asyncio.Future[bool]"
    """Whether it was the first of its kind."""


class Inbox:
    """Takes deliveries of all connections, for one process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._hooks: dict[str, tuple[float, Hook | None]] = {}
        self._waiting: dict[str, list[Waiting]] = defaultdict(list)
        self._writers: dict[str, asyncio.Task[None]] = {}
        self._bells: dict[str, asyncio.TimerHandle] = {}
        self._ringing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def check(self, platform: str, connection_id: str, delivery: Delivery) -> Told:
        """Who sent it and what it names. Raises WEBHOOK_REJECTED, the same whatever is wrong, UNREADABLE_BODY or INVALID_REQUEST.

        The company is that of the connection in the address; nothing in the delivery has a say in it.
        """
        if len(delivery.body) > MAX_BODY:
            raise AppError(Code.BODY_TOO_LARGE)
        known = self._services.webhooks.get(platform)
        hook = await self._hook(connection_id) if known is not None else None
        if known is None or hook is None or hook.platform != platform:
            # An unknown address costs as much time as a wrong signature.
            hmac.new(b"nobody", delivery.body, "sha256").digest()
            self._count("", "rejected")
            raise AppError(Code.WEBHOOK_REJECTED)
        try:
            digest = known.check(delivery, hook.secret, clock.now())
        except AppError:
            self._count(platform, "rejected")
            raise
        try:
            return Told(hook=hook, items=known.items(delivery.body), digest=digest)
        except AppError:
            self._count(platform, "invalid")
            raise

    async def note(self, told: Told) -> None:
        """Note durably what is to be read, and see to it that it is read soon. A delivery that was taken before does nothing.

        Raises STORAGE_* where it can't be noted: the helpdesk sends it again.
        """
        platform, company_id = told.hook.platform, told.hook.company_id
        if not told.items:
            self._count(platform, "ignored")
            return
        waiting = Waiting(told=told, noted=asyncio.get_running_loop().create_future())
        self._waiting[company_id].append(waiting)
        if company_id not in self._writers:
            # It belongs to no single request, so it does not inherit what is bound to one.
            self._writers[company_id] = asyncio.get_running_loop().create_task(self._write(company_id), context=Context())
        self._count(platform, "noted" if await waiting.noted else "repeated")

    def forget(self, connection_id: str) -> None:
        """Open the connection's secret anew: it was changed."""
        self._hooks.pop(connection_id, None)

    async def close(self) -> None:
        """Wait until everything that came in is noted; who sweeps next has it read."""
        self._closed = True
        for bell in self._bells.values():
            bell.cancel()
        self._bells.clear()
        await asyncio.gather(*self._writers.values(), *self._ringing, return_exceptions=True)

    async def _hook(self, connection_id: str) -> Hook | None:
        now = time.monotonic()
        kept = self._hooks.get(connection_id)
        if kept is not None and kept[0] > now:
            return kept[1]
        hook = await self._open(connection_id)
        if len(self._hooks) >= MAX_HOOKS:
            self._hooks.clear()
        self._hooks[connection_id] = (now + KEEP_SECONDS, hook)
        return hook

    async def _open(self, connection_id: str) -> Hook | None:
        async with self._services.database.directory() as directory:
            found = await directory.find_connection(connection_id)
            tenant = await directory.get_tenant(found[0]) if found is not None else None
        if found is None or tenant is None or found[1].webhook is None:
            return None
        secret = await asyncio.to_thread(self._services.cipher.open, tenant, field_of(connection_id), found[1].webhook.secret)
        return Hook(company_id=found[0], platform=found[1].platform, connection_id=connection_id, secret=secret)

    async def _write(self, company_id: str) -> None:
        """Note what waits, all of it at once, until nothing does."""
        batch: list[Waiting] = []
        try:
            while batch := self._waiting.pop(company_id, []):
                try:
                    fresh = await self._keep(company_id, [each.told for each in batch])
                except AppError as error:
                    refused = AppError(Code.WEBHOOK_REJECTED) if error.code is Code.TENANT_NOT_FOUND else error
                    _answer(batch, refused)
                else:
                    for each, first in zip(batch, fresh, strict=True):
                        if not each.noted.done():
                            each.noted.set_result(first)
        finally:
            del self._writers[company_id]
            _answer([*batch, *self._waiting.pop(company_id, [])], AppError(Code.SHUTTING_DOWN))

    async def _keep(self, company_id: str, batch: Sequence[Told]) -> list[bool]:
        """Write a batch in one transaction; returns which of them were not taken before."""
        now = clock.now()
        digests: dict[str, set[str]] = defaultdict(set)
        for told in batch:
            digests[told.hook.connection_id] |= {told.digest} - {""}
        async with self._services.database.open(company_id) as uow:
            taken = {each: await uow.nudges.seen(each, found) for each, found in sorted(digests.items()) if found}
            fresh = []
            for told in batch:
                before = taken.get(told.hook.connection_id, set())
                fresh.append(not told.digest or told.digest not in before)
                before.add(told.digest)
            nudges = [
                Nudge(connection_id=told.hook.connection_id, doc_type=kind, original_id=name, at=now, mark=secrets.token_hex(8))
                for told, first in zip(batch, fresh, strict=True)
                if first
                for kind, name in told.items
            ]
            await uow.nudges.note(nudges)
            for connection_id, found in sorted(digests.items()):
                if found:
                    await uow.nudges.remember(connection_id, found, now)
        for connection_id in {each.connection_id for each in nudges}:
            self._ring(Job(name=JobName.READ_NUDGES, company_id=company_id, subject=connection_id, line=Line.QUICK))
        return fresh

    def _ring(self, job: Job) -> None:
        """Have it read as soon as it may be, by one job for all that comes in until then. Lost with the process: the sweeper rings too."""
        if not self._closed and job.subject not in self._bells:
            self._bells[job.subject] = asyncio.get_running_loop().call_later(COLLECT.total_seconds(), self._rang, job)

    def _rang(self, job: Job) -> None:
        del self._bells[job.subject]
        task = asyncio.get_running_loop().create_task(self._services.queue.enqueue([job]), context=Context())
        self._ringing.add(task)
        task.add_done_callback(self._ringing.discard)

    def _count(self, platform: str, outcome: str) -> None:
        self._services.meter.count("webhooks", platform=platform, outcome=outcome)


def _answer(batch: Sequence[Waiting], error: AppError) -> None:
    for each in batch:
        if not each.noted.done():
            each.noted.set_exception(error)
