"""A helpdesk's small quota over real HTTP: used without being refused, told while it is waited for, shared by account only."""

import asyncio
from pathlib import Path

from sandbox.faults import Fault
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Json, Tenant, Trip

SMALL = SandboxOptions(tickets=60, quota=2000, quota_shares={"tickets": 0.05}, quota_window=2.0)
"""Tickets may take a hundred credits, and one costs three or more."""


async def _while_waiting(tenant: Tenant, run_id: str) -> Json:
    """The run at a moment at which it says that it waits for a quota."""
    async with asyncio.timeout(60):
        while not (run := await tenant.get(f"/runs/{run_id}"))["counts"]["api_waiting_for"]:
            assert run["state"] in ("queued", "running"), run
            await asyncio.sleep(0.05)
    return run


async def test_a_small_quota_is_used_without_being_refused_and_people_go_first(trip: Trip) -> None:
    async with running_sandbox(SMALL) as sandbox:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        run_id = (await acme.post("/ingest", {"connection_id": acme.connection_id}))["run_id"]
        waiting = await _while_waiting(acme, run_id)
        assert waiting["counts"]["api_waiting_for"] == "tickets:100"
        assert waiting["counts"]["api_limit"] in (100, 2000)
        unseen = min(ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live")
        assert str(unseen) in str(await acme.get(f"/init/{unseen}"))
        run = await acme.wait(run_id)
        assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
        assert run["counts"]["api_waited_seconds"] > 0
        assert run["counts"]["api_waiting_for"] == ""
        assert sandbox.stats.statuses[429] == 0
    metrics = (await trip.anonymous.get("/metrics")).text
    waited = next(line for line in metrics.splitlines() if line.startswith("desklore_source_wait_seconds_total{"))
    assert float(waited.rsplit(" ", 1)[1]) > 0
    assert 'desklore_source_lane_wait_seconds_count{lane="backfill"}' in metrics
    assert acme.company_id not in metrics


async def test_what_is_through_is_told_while_the_source_is_still_read(trip: Trip) -> None:
    # The tickets wait for a window that does not come; the articles, which spend another quota, are stored and processed.
    endless = SandboxOptions(tickets=60, quota=2000, quota_shares={"tickets": 0.05}, quota_window=3600.0)
    async with running_sandbox(endless) as sandbox:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        run_id = (await acme.post("/ingest", {"connection_id": acme.connection_id}))["run_id"]
        async with asyncio.timeout(60):
            while not (run := await acme.get(f"/runs/{run_id}"))["counts"]["processed"]:
                assert run["state"] in ("queued", "running"), run
                await asyncio.sleep(0.05)
        assert run["phase"] in ("tickets", "articles"), run
        assert run["counts"]["processed"] <= run["counts"]["stored"]
        await acme.post(f"/runs/{run_id}/cancel", {})


async def test_tenants_of_one_account_wait_together_and_see_nothing_of_each_other(trip: Trip) -> None:
    async with running_sandbox(SandboxOptions(tickets=20)) as shared, running_sandbox(SandboxOptions(tickets=20, seed=8)) as own:
        acme, bravo, other = [await trip.onboard(name) for name in ("acme", "bravo", "other")]
        await acme.connect(shared)
        await bravo.connect(shared)
        await other.connect(own)
        shared.site.faults.add(Fault(match=r"/tickets\?", kind="429", times=1, seconds=300))
        first = await acme.sync(until=("waiting", "failed", "completed"))
        assert (first["state"], first["error_code"]) == ("waiting", "source_rate_limited"), first
        asked = shared.stats.total
        second = await bravo.sync(until=("waiting", "failed", "completed"))
        assert (second["state"], second["error_code"]) == ("waiting", "source_rate_limited"), second
        assert shared.stats.total == asked, "nobody knocks while the account has to be left alone"
        assert second["counts"]["api_calls"] == 0
        seen = str(second) + str(await bravo.get("/runs")) + str(await bravo.get("/connections"))
        assert first["run_id"] not in seen
        assert acme.connection_id not in seen
        assert acme.company_id not in seen
        refused = await bravo.client.get("/api/v1/init/1")
        assert refused.json()["error"]["code"] == "source_rate_limited"
        assert (await other.sync())["state"] == "completed"
        assert own.stats.statuses[429] == 0


async def test_a_wrong_key_slows_nobody_down(trip: Trip, tmp_path: Path) -> None:
    async with running_sandbox(SandboxOptions(tickets=10)) as sandbox:
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        await acme.connect(sandbox)
        sandbox.site.faults.add(Fault(match="/agents/me", kind="429", times=1, seconds=300))
        wanted = {
            "platform": "freshdesk",
            "domain": "hanbit.freshdesk.com",
            "base_url": sandbox.base_url,
            "credentials": {"api_key": "guessed"},
        }
        refused = await bravo.client.post("/api/v1/connections", json=wanted)
        assert refused.json()["error"]["code"] == "source_rate_limited"
        assert (await acme.sync())["state"] == "completed"
