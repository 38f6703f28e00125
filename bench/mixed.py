"""Sixty seconds of everything at once by several companies over one process: the rate, any error, and whether anything leaks.

Questions, searches, briefs, lists and thumbs of ten companies, each with its own key and helpdesk, while their syncs go on. Memory,
open files and tasks after the first quarter are held against those at the end. The floor is the rate of `/health/live` in the same
process. `python -m bench.mixed [seconds]`.
"""

import asyncio
import gc
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip

SECONDS: Final = 60.0
REST_S: Final = 30.0
"""After the load: connections that nobody needs any more are closed by then."""
COMPANIES: Final = 10
AT_ONCE: Final = 8
TICKETS: Final = 20
QUESTIONS: Final = ("비밀번호 재설정 메일이 오지 않아요", "refund is late", "배송지 변경 방법", "login error after update", "영수증 재발급")


@dataclass
class Seen:
    """What came back."""

    by_route: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    """Hits that are not the company's own."""
    took: list[float] = field(default_factory=list)


@dataclass
class Company:
    """One of them, with what is its own."""

    tenant: Tenant
    tickets: list[str]
    documents: frozenset[str]


async def _companies(trip: Trip, sandbox: SandboxServer) -> list[Company]:
    made = []
    for number in range(COMPANIES):
        tenant = await trip.onboard(f"mixed-{number}")
        await tenant.connect(sandbox)
        run = await tenant.sync()
        assert run["state"] == "completed", run
        items = (await tenant.get("/documents", limit=100))["items"]
        tickets = [each["original_id"] for each in items if each["doc_type"] == "ticket"]
        made.append(Company(tenant, tickets, frozenset(each["document_id"] for each in items)))
    return made


async def _one(company: Company, rng: random.Random, seen: Seen) -> None:
    """One request of some kind; what it finds has to be the company's own."""
    client, question = company.tenant.client, rng.choice(QUESTIONS)
    what = rng.choices(("query", "search", "init", "documents", "feedback", "sync"), (20, 30, 25, 15, 9, 1))[0]
    began = time.perf_counter()
    match what:
        case "query":
            answer = await client.post("/api/v1/query", json={"question": question})
        case "search":
            answer = await client.post("/api/v1/search", json={"query": question, "top_k": 10})
        case "init":
            answer = await client.get(f"/api/v1/init/{rng.choice(company.tickets)}")
        case "documents":
            answer = await client.get("/api/v1/documents", params={"limit": 50})
        case "feedback":
            thumb = {"document_id": rng.choice(sorted(company.documents)), "rating": rng.choice(("up", "down")), "query": question}
            answer = await client.post("/api/v1/feedback", json=thumb)
        case _:
            answer = await client.post("/api/v1/ingest", json={"connection_id": company.tenant.connection_id})
    seen.took.append((time.perf_counter() - began) * 1000)
    seen.by_route[what] += 1
    # A second sync of one connection is refused while the first one runs.
    if not answer.is_success and not (what == "sync" and answer.status_code == 409):
        seen.errors[f"{what} {answer.status_code} {answer.text[:80]}"] += 1
    elif what in ("query", "search", "documents"):
        seen.foreign += sum(1 for found in _documents(answer.json()) if found not in company.documents)


def _documents(body: dict[str, Any]) -> list[str]:
    lists = [body.get(name) or [] for name in ("tickets", "articles", "hits", "items")]
    return [each["document_id"] for found in lists for each in found if "document_id" in each]


def _state() -> dict[str, float]:
    gc.collect()
    resident = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    files = len(list(Path("/proc/self/fd").iterdir()))
    return {"memory_mb": int(resident.split()[1]) / 1024, "files": files, "tasks": len(asyncio.all_tasks())}


async def _load(companies: list[Company], seconds: float, seen: Seen) -> dict[str, dict[str, float]]:
    until = time.perf_counter() + seconds

    async def somebody(seed: int) -> None:
        rng = random.Random(seed)
        while time.perf_counter() < until:
            await _one(rng.choice(companies), rng, seen)

    people = [asyncio.create_task(somebody(seed)) for seed in range(AT_ONCE)]
    await asyncio.sleep(seconds / 4)
    early = _state()
    await asyncio.gather(*people)
    late = _state()
    await asyncio.sleep(REST_S)
    return {"after_a_quarter": early, "at_the_end": late, "after_a_rest": _state()}


async def _floor(trip: Trip) -> float:
    """Requests a second of the cheapest route."""
    began, count = time.perf_counter(), 300
    for _ in range(count):
        assert (await trip.anonymous.get("/health/live")).is_success
    return count / (time.perf_counter() - began)


async def main(seconds: float) -> dict[str, Any]:
    """Load, look, print, and return the figures."""
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        async with running_sandbox(SandboxOptions(tickets=TICKETS)) as sandbox, running_trip(Path(folder)) as trip:
            companies = await _companies(trip, sandbox)
            floor = await _floor(trip)
            states = await _load(companies, seconds, seen)
            for company in companies:
                await company.tenant.client.aclose()
    seen.took.sort()
    done, p95 = len(seen.took), seen.took[int(len(seen.took) * 0.95)]
    print(f"{COMPANIES} companies, {AT_ONCE} requests at once, {seconds:g} s of {dict(seen.by_route)}")
    print(f"  {done / seconds:8.1f} requests/s   p95 {p95:.0f} ms   the cheapest route alone {floor:.0f}/s")
    print(f"  {sum(seen.errors.values())} errors {dict(seen.errors)}, {seen.foreign} hits of another company")
    for name, state in states.items():
        print(f"  {name:16} {state['memory_mb']:7,.0f} MB   {state['files']:4.0f} files   {state['tasks']:4.0f} tasks")
    figures = {"what": "mixed_load", "per_second": done / seconds, "p95_ms": p95, "floor_per_second": floor, "states": states}
    return {**figures, "requests": done, "errors": dict(seen.errors), "foreign": seen.foreign}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(json.dumps(asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))))
