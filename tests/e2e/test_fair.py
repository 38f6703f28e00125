"""A tenant with a lot to do does not delay another: in terms of order, with one place for jobs."""

from pathlib import Path

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import running_trip


async def test_a_giant_backfill_does_not_delay_five_tickets(tmp_path: Path) -> None:
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
        run = await giant.get(f"/runs/{begun['run_id']}")
        assert run["state"] == "running"
        assert run["phase"] != "processing", "the giant still reads"
        await giant.post(f"/runs/{begun['run_id']}/cancel", {})
