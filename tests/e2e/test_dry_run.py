"""A dry run: the figures before a sync, what is learned after it, and nothing written."""

from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_provider import _settings
from tests.e2e.trip import Tenant, running_trip
from tests.support.openai_server import OpenAIServer


async def _estimate(tenant: Tenant, **options: Any) -> dict[str, Any]:
    return await tenant.post("/ingest/estimate", {"connection_id": tenant.connection_id, **options})


async def test_what_a_sync_would_take(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with running_sandbox(SandboxOptions(tickets=40)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
            await tenant.connect(sandbox)
            before = await _estimate(tenant)
            asked = len(server.asked())
            assert (asked, before["learned"], (await tenant.get("/documents"))["items"]) == (0, [], [])
            assert (await tenant.get("/runs"))["items"] == []
            assert before["api_calls"] > before["listing_calls"] > 0
            assert before["minutes"] > 0
            assert before["summaries"]["cost_usd"] > 0
            assert before["embeddings"]["input_tokens"] > 0
            run = await tenant.sync()
            listed = before["listed"]
            assert listed["complete"]
            assert listed["tickets"] + listed["articles"] == run["counts"]["stored"]
            again = await _estimate(tenant, mode="full")
            assert again["listed"] | {"complete": True} == {
                "tickets": again["listed"]["tickets"],
                "articles": again["listed"]["articles"],
                "stored_before": again["listed"]["stored_before"],
                "unchanged": run["counts"]["stored"] - again["listed"]["tickets"] - again["listed"]["articles"],
                "complete": True,
            }
            assert again["listed"]["unchanged"] > 0
            assert set(again["learned"]) == {"api_calls", "summaries", "embeddings"}
            anew = await _estimate(tenant, mode="refresh")
            assert anew["listed"]["stored_before"] == anew["listed"]["tickets"] + anew["listed"]["articles"] > 0
            foreign = await other.client.post("/api/v1/ingest/estimate", json={"connection_id": tenant.connection_id})
            assert foreign.status_code == 404
            await trip.settle("acme")


async def test_offline_models_cost_nothing(tmp_path: Path) -> None:
    async with running_sandbox(SandboxOptions(tickets=10)) as sandbox, running_trip(tmp_path / "data") as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        estimate = await _estimate(tenant, limit=5)
        assert (estimate["summaries"]["calls"], estimate["summaries"]["cost_usd"]) == (0, 0)
        assert estimate["listed"]["tickets"] > 0
