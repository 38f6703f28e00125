"""How much of a helpdesk's quota a full backfill uses, how often it is refused, how long a person waits behind it, and what a grant costs.

The quota of the ticket calls is 200 credits a window, as many a minute as Freshdesk's Growth plan has in all. To be done in a minute the
window is 12 s and not 60 (`python -m bench.quota 60` measures whole minutes); the time of a call, which a small window feels more,
stays the same. The floor is the vendor's own count: 200 in each window.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvloop

from backend.adapters.freshdesk.limits import LIMITS, call_of
from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.document import DocType
from backend.core.model.quota import Lane, Outcome, Settlement
from backend.core.model.sync import ItemRef, RunMode, RunOptions
from backend.core.ports.services import Services
from backend.core.usecases import sync
from backend.runtime import build
from backend.settings import Settings
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from bench.sides import CONNECTIONS, OPERATOR, connect
from sandbox.freshdesk.limits import Spent
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox

QUOTA = 200
ACCOUNT_QUOTA = 500
"""Of which the sandbox gives two fifths to the calls for tickets."""
WINDOWS = 4
TARGET_USED = 0.97
TARGET_WAIT_SECONDS = 1.0
TARGET_GRANT_US = 20.0
_GRANTS = 20_000


@dataclass
class Counted:
    """What the vendor counted for tickets: when, how many credits, and the calls it refused."""

    spent: list[tuple[float, int]] = field(default_factory=list)
    openings: list[float] = field(default_factory=list)
    """When windows began."""
    refused: list[float] = field(default_factory=list)

    def watch(self, sandbox: SandboxServer) -> None:
        """Look on from now on."""
        limits = sandbox.site.limits
        before = limits.spend

        def spend(area: str, cost: int) -> Spent:
            spent = before(area, cost)
            if spent.retry_after is not None:
                self.refused.append(time.monotonic())
            elif area == "tickets":
                now = time.monotonic()
                self.spent.append((now, cost))
                # Not by the clock: the vendor looked at its own a moment earlier, and a burst at a border would count in the wrong window.
                if spent.remaining + cost >= spent.total:
                    self.openings.append(now)
            return spent

        limits.spend = spend  # type: ignore[method-assign]  # only this sandbox's, to see each call as the vendor counts it

    def between(self, begin: float, end: float) -> int:
        """Credits in a stretch of time."""
        return sum(cost for at, cost in self.spent if begin <= at < end)


async def main(window: float) -> dict[str, Any]:
    """Measure, print what was found, and return the figures."""
    options = SandboxOptions(tickets=600, quota=ACCOUNT_QUOTA, quota_window=window, latency_ms=50, prebuild=True)
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), connector_host_allowlist="127.0.0.1")
        runtime, at_once = await build(settings), settings.connector_concurrency
        try:
            async with running_sandbox(options) as sandbox:
                budgets = InProcessBudgets(at_once, 0.1, period=window, meter=runtime.built.meter)
                sources = SourceRegistry(frozenset({"127.0.0.1"}), at_once, Patience(), budgets)
                figures = await _backfill(replace(runtime.services, sources=sources), sandbox, window)
        finally:
            await runtime.close()
    figures["grant_us"] = await _grant_us()
    _tell(figures)
    return figures


async def _backfill(services: Services, sandbox: SandboxServer, window: float) -> dict[str, Any]:
    connection = await connect(services, sandbox.base_url)
    counted = Counted()
    counted.watch(sandbox)
    run = await sync.start_run(services, "bench", connection.connection_id, RunOptions(mode=RunMode.FULL), caller=OPERATOR)
    began = time.monotonic()
    backfill = asyncio.create_task(sync.run_sync(services, "bench", run.run_id))
    waits: list[float] = []
    took: list[float] = []
    # The windows between the second and the last opening are whole.
    while len(counted.openings) < WINDOWS + 2:
        await asyncio.sleep(window / 7)
        before = time.monotonic()
        source = await open_source(services, "bench", connection, Lane.LIVE)
        try:
            await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=str(1 + len(waits)), version=""))
            waits.append(source.quota.waited_seconds)
        finally:
            await source.close()
        took.append(time.monotonic() - before)
    await sync.cancel_run(services, "bench", run.run_id, caller=OPERATOR)
    told = (await sync.get_run(services, "bench", run.run_id)).counts
    backfill.cancel()
    await asyncio.gather(backfill, return_exceptions=True)
    whole = counted.openings[1 : WINDOWS + 2]
    windows = [counted.between(begin, end) for begin, end in itertools.pairwise(whole)]
    return {
        "what": "quota",
        "window_seconds": window,
        "quota": QUOTA,
        "windows": windows,
        "used_share": sum(windows) / (QUOTA * (whole[-1] - whole[0]) / window),
        "refused_after_first_window": sum(at > began + window for at in counted.refused),
        "live_fetches": len(waits),
        "live_wait_max_seconds": max(waits),
        "live_fetch_max_seconds": max(took),
        "run_waited_seconds": told.api_waited_seconds,
        "run_calls": told.api_calls,
    }


async def _grant_us() -> float:
    """Microseconds of reading the route and the headers, acquiring and settling, where nothing limits: the best of five."""
    spender = InProcessBudgets(CONNECTIONS, 0.1).join("bench", Lane.BACKFILL)
    target = "/api/v2/tickets/1?include=conversations"
    best = 1e9
    for turn in range(5):
        left = 100_000_000 - 3 * turn * _GRANTS
        told = [{"X-Ratelimit-Total": "100000000", "X-Ratelimit-Remaining": str(left - 3 * n)} for n in range(1, _GRANTS + 1)]
        began = time.perf_counter()
        for each in told:
            headers = each | {"X-Ratelimit-Used-Currentrequest": "3"}
            call = call_of(target)
            grant = await spender.acquire(call, longest_wait=60)
            grant.settle(Settlement(outcome=Outcome.ANSWERED, used=LIMITS.used(headers), readings=LIMITS.read(call, headers)))
        best = min(best, (time.perf_counter() - began) / _GRANTS * 1e6)
    return best


def _tell(figures: dict[str, Any]) -> None:
    print(f"a backfill against {QUOTA} credits per {figures['window_seconds']:g} s, {WINDOWS} windows after the first, a person in between")
    print(f"  quota used   {figures['used_share']:8.1%}   wanted {TARGET_USED:.0%}; refused {figures['refused_after_first_window']} times")
    live = f"of {figures['live_fetches']} fetches; the slowest took {figures['live_fetch_max_seconds']:.2f} s in all"
    print(f"  live wait    {figures['live_wait_max_seconds']:7.2f} s   wanted {TARGET_WAIT_SECONDS:g} s at most, {live}")
    print(f"  a grant      {figures['grant_us']:7.1f} us  wanted {TARGET_GRANT_US:g} at most")


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 12.0))))
