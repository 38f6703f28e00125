"""Who looked at what, counted: a row of the audit log for each search would be a write for each search (SPEC D5)."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError
from backend.core.model.auth import TenantCaller
from backend.core.model.tenant import AuditEntry
from backend.core.ports.services import Services

PERIOD_SECONDS: Final = 600.0
"""Looks of one caller within so long make one entry; it is also what a killed process forgets."""
_MOST: Final = 10_000
"""Of callers and what they do; with more the entries are written at once."""


class _Counted(Struct):
    since: datetime
    count: int = 0


class Looks:
    """Counts in memory and writes in the background, so that no request waits for it."""

    def __init__(self, services: Services, *, now: Callable[[], datetime] = clock.now) -> None:
        self._services = services
        self._now = now
        self._counted: dict[tuple[str, str, str], _Counted] = {}
        self._bell: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, caller: TenantCaller, action: str) -> None:
        """Count a look."""
        key = (caller.company_id, caller.actor, action)
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = _Counted(self._now())
        counted.count += 1
        if self._bell is None:
            self._bell = asyncio.get_running_loop().call_later(PERIOD_SECONDS, self._ring)
        if len(self._counted) >= _MOST:
            self._ring()

    async def write(self) -> None:
        """Write what was counted. Where the store is away, or a company is gone, it is counted on or forgotten."""
        counted, self._counted = self._counted, {}
        of: dict[str, list[AuditEntry]] = {}
        for (company_id, actor, action), each in counted.items():
            details = {"count": str(each.count), "since": each.since.isoformat()}
            of.setdefault(company_id, []).append(AuditEntry(at=self._now(), actor=actor, action=action, target="", details=details))
        for company_id, entries in of.items():
            try:
                async with self._services.database.open(company_id) as uow:
                    for entry in entries:
                        await uow.audit.add(entry)
            except AppError:
                self._count_on({key: each for key, each in counted.items() if key[0] == company_id})

    async def close(self) -> None:
        """Write what is left."""
        if self._bell is not None:
            self._bell.cancel()
            self._bell = None
        await asyncio.gather(*self._writing)
        await self.write()

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.cancel()
            self._bell = None
        task = asyncio.get_running_loop().create_task(self.write())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _count_on(self, left: dict[tuple[str, str, str], _Counted]) -> None:
        for key, each in left.items():
            kept = self._counted.setdefault(key, _Counted(each.since))
            kept.since = min(kept.since, each.since)
            kept.count += each.count
