"""After a sync, a webhook and a restart the first opening of an open ticket is answered from what was made ahead, on both queues."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.freshdesk import change as freshdesk_change
from sandbox.hooks import Hook
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.openai_server import KEY, OpenAIServer
from tests.support.postgres import PostgresDatabase

AHEAD = 5


@pytest.fixture(params=["memory", "redis", "postgresql"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What makes up the house: the queue with its cache, and the database."""
    if request.param == "redis":
        return {"queue_type": "redis", "redis_url": request.getfixturevalue("redis_url")}
    if request.param == "postgresql":
        database: PostgresDatabase = request.getfixturevalue("postgres")
        return {"storage_type": "postgresql", "database_url": database.url, "database_migration_url": database.owner_url}
    return {}


async def rested(trip: Trip) -> None:
    """Wait until no job waits or runs."""
    async with asyncio.timeout(100):
        while await trip.runtime.services.queue.depth() != (0, 0):
            await asyncio.sleep(0.02)


async def counted(tenant: Tenant, name: str) -> dict[str, float]:
    """A metric of one label, by its values; nothing where it is 0."""
    lines = [line for line in (await tenant.client.get("/metrics")).text.splitlines() if line.startswith(f"desklore_{name}_total{{")]
    found = {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}
    return {value: count for value, count in found.items() if count}


async def open_tickets(tenant: Tenant) -> list[str]:
    """The newest tickets that are open."""
    items = (await tenant.get("/documents", doc_type="ticket", state="indexed", limit=100))["items"]
    return [each["original_id"] for each in items if each["status"] not in ("resolved", "closed")]


async def test_first_openings_after_a_sync_a_webhook_a_thumb_and_a_restart(tmp_path: Path, settings: dict[str, Any]) -> None:
    settings |= {"briefs_ahead": AHEAD}
    async with running_sandbox(SandboxOptions(tickets=60)) as sandbox:
        async with running_trip(tmp_path / "data", **settings) as trip:
            acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
            await acme.connect(sandbox)
            assert (await acme.sync())["state"] == "completed"
            await trip.settle("acme")
            await rested(trip)
            newest, *others = (await open_tickets(acme))[:AHEAD]
            made = (await counted(acme, "briefs_ahead"))["made"]
            assert made >= AHEAD
            brief = await acme.get(f"/init/{newest}")
            assert await counted(acme, "briefs") == {"ahead": 1}
            assert (await bravo.client.get(f"/api/v1/init/{newest}")).status_code == 404

            hook = await acme.post(f"/connections/{acme.connection_id}/webhook", {})
            sandbox.site.hooks.transport = httpx.ASGITransport(trip.runtime.app)
            sandbox.site.hooks.add(Hook(url=hook["url"], secret=hook["secret"], header=hook["guide"]["header"]))
            freshdesk_change.update(sandbox.site, int(others[0]), {"subject": "오늘 바뀐 제목"})
            await sandbox.site.hooks.quiet()
            await until_title(acme, others[0], "오늘 바뀐 제목")
            await rested(trip)
            changed = await acme.get(f"/init/{others[0]}")
            assert changed["title"] == "오늘 바뀐 제목"
            assert await counted(acme, "briefs") == {"ahead": 2}

            thumb = {"document_id": brief["similar"][0]["document_id"], "rating": "down", "query": brief["title"]}
            await acme.post("/feedback", thumb)
            await rested(trip)
            after = await acme.get(f"/init/{newest}")
            assert after["similar"][0] != brief["similar"][0], "the one that was made before the thumb is not given"
            assert await counted(acme, "briefs") == {"ahead": 3}
        async with running_trip(tmp_path / "data", **settings) as trip:
            again = trip.tenant("acme", acme.api_key)
            await rested(trip)
            opened = await again.get(f"/init/{others[1]}")
            assert opened["ticket_id"] == others[1]
            assert await counted(again, "briefs") == {"ahead": 1}


async def until_title(tenant: Tenant, ticket: str, title: str) -> None:
    """Wait until the change is stored and searchable."""
    async with asyncio.timeout(60):
        while True:
            items = (await tenant.get("/documents", doc_type="ticket", state="indexed", limit=100))["items"]
            if any(each["original_id"] == ticket and each["title"] == title for each in items):
                return
            await asyncio.sleep(0.02)


def asked(server: OpenAIServer) -> int:
    """How often the provider was asked, but for the vector by which each start learns the dimension."""
    return sum(each.body.get("input") != ["dimension"] for each in server.requests)


async def test_no_provider_is_asked_for_it(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        provider = {
            "summarize_model": "openai:test-model",
            "embed_model": "openai:test-embed",
            "openai_api_key": KEY,
            "openai_base_url": server.base_url,
            "attachment_max_bytes": 1,
        }
        data = tmp_path / "data"
        async with running_sandbox(SandboxOptions(tickets=60)) as sandbox, running_trip(data, **provider, briefs_ahead=0) as trip:
            acme = await trip.onboard("acme")
            await acme.connect(sandbox)
            await acme.sync()
            await rested(trip)
            tickets = await open_tickets(acme)
            assert await counted(acme, "briefs_ahead") == {}
        before = asked(server)
        async with running_trip(data, **provider) as trip:
            again = trip.tenant("acme", acme.api_key)
            await rested(trip)
            told = await counted(again, "briefs_ahead")
            assert told["made"] >= len(tickets) / 2
            assert asked(server) == before, "vectors and summaries are known"
            await again.get(f"/init/{tickets[0]}")
            assert await counted(again, "briefs") == {"ahead": 1}
            assert asked(server) == before
        # As what was paid for is dropped by months: nobody knows the vectors any more, and none is bought for this.
        with closing(sqlite3.connect(data / "desklore.db")) as database, database:
            database.execute("DELETE FROM paid_results")
        async with running_trip(data, **provider) as trip:
            again = trip.tenant("acme", acme.api_key)
            await rested(trip)
            assert (await counted(again, "briefs_ahead")).keys() == {"left_out"}
            assert asked(server) == before
            await again.get(f"/init/{tickets[0]}")
            assert await counted(again, "briefs") == {"false": 1}
            assert asked(server) > before, "who opens it may ask"
