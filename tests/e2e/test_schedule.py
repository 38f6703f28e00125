"""A scheduled connection follows its helpdesk by itself, also after a restart and beside a tenant with a lot to do."""

import asyncio
from pathlib import Path

from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Json, Tenant, running_trip

OFTEN = {"schedule_min_seconds": 1, "schedule_tick_seconds": 0.1}


async def every_second(tenant: Tenant) -> None:
    path = f"/api/v1/connections/{tenant.connection_id}/schedule"
    answer = await tenant.client.put(path, json={"every_seconds": 1})
    assert answer.is_success, answer.text


async def found(tenant: Tenant, sandbox: SandboxServer, title: str) -> Json:
    """The ticket that was renamed on the helpdesk, once it has its new title here. Nobody asks for a sync."""
    number = next(ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live" and ticket.merged_into is None)
    change.update(sandbox.site, number, {"subject": title})
    async with asyncio.timeout(60):
        while not (items := (await tenant.get("/documents", search=title))["items"]):
            await asyncio.sleep(0.1)
    item: Json = items[0]
    return item


async def test_a_changed_ticket_comes_by_itself_also_after_a_restart(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data", **OFTEN) as trip:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        await every_second(acme)
        await asyncio.sleep(1.5)
        assert (await acme.get("/runs"))["items"] == [], "the first sync is asked for"
        await acme.sync()
        assert (await found(acme, sandbox, "프린터가 또 멈췄습니다"))["doc_type"] == "ticket"
        runs = (await acme.get("/runs"))["items"]
        assert runs[0]["scheduled"]
        assert not runs[-1]["scheduled"]
    async with running_trip(tmp_path / "data", **OFTEN) as again:
        back = again.tenant("acme", acme.api_key)
        await found(back, sandbox, "재시작한 뒤에도 이어집니다")
        assert "desklore_runs_started_total" in (await again.anonymous.get("/metrics")).text


async def test_a_giant_backfill_does_not_delay_five_tickets(tmp_path: Path) -> None:
    """In terms of order, with one place for jobs: the small tenant is done while the giant still reads."""
    async with (
        running_sandbox(SandboxOptions(tickets=3_000)) as large,
        running_sandbox(SandboxOptions(tickets=5, seed=2)) as few,
        running_trip(tmp_path / "data", job_concurrency=1) as trip,
    ):
        giant, small = await trip.onboard("giant"), await trip.onboard("small")
        await giant.connect(large)
        await small.connect(few)
        begun = await giant.post("/ingest", {"connection_id": giant.connection_id})
        await giant.wait(begun["run_id"], ("running",))
        assert (await small.sync())["state"] == "completed"
        assert (await giant.get(f"/runs/{begun['run_id']}"))["state"] == "running"
        await giant.post(f"/runs/{begun['run_id']}/cancel", {})
