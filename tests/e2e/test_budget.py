"""A budget for models: summaries stop and the sync does not, search goes on, answers say so, raising it is enough."""

import asyncio
from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_provider import _settings
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.openai_server import OpenAIServer

QUESTION = {"question": "SSO login loops back"}


async def test_a_used_up_budget_stops_models_and_nothing_else(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
            await acme.client.put("/api/v1/budget", json={"daily_tokens": 3_000})
            for tenant in (acme, bravo):
                await tenant.connect(sandbox)
            run, free = await acme.sync(), await bravo.sync()
            assert free["counts"]["waiting_for_budget"] == 0
            assert (run["state"], run["error_code"]) == ("completed", "llm_budget_used_up")
            waiting = run["counts"]["waiting_for_budget"]
            assert waiting > 0
            assert f"{waiting} documents wait because the budget for models is used up" in run["error_message"]
            pending = (await acme.get("/documents", state="pending", limit=100))["items"]
            assert len(pending) == waiting
            assert "begins anew at" in pending[0]["state_reason"]
            budget = await acme.get("/budget")
            assert budget["standing"]["reached"] == ["daily_tokens"]
            assert budget["waiting_documents"] == waiting
            await _refused(acme, server)
            await _answered(bravo, server)
            await _raised(trip, acme, server)
            assert (await bravo.get("/budget"))["budgets"] == []


async def _refused(tenant: Tenant, server: OpenAIServer) -> None:
    before = len(server.requests)
    found = await tenant.client.post("/api/v1/search", json={"query": QUESTION["question"]})
    assert found.status_code == 200, found.text
    told = await tenant.client.post("/api/v1/query", json=QUESTION)
    if found.json()["answerable"]:
        assert (told.status_code, told.json()["error"]["code"]) == (429, "llm_budget_used_up")
        assert 0 < int(told.headers["Retry-After"]) <= 86_400
        streamed = (await tenant.client.post("/api/v1/query/stream", json=QUESTION)).text
        assert "llm_budget_used_up" in streamed
    assert len(server.requests) == before


async def _answered(tenant: Tenant, server: OpenAIServer) -> None:
    server.answer = "Renew the signing certificate [1]."
    assert (await tenant.ask(QUESTION["question"]))["answer"]["grounded"]
    server.answer = None


async def _raised(trip: Trip, tenant: Tenant, server: OpenAIServer) -> None:
    paid = len(server.asked())
    assert (await tenant.client.put("/api/v1/budget", json={"daily_tokens": 10**9})).status_code == 200
    await trip.settle(tenant.company_id)
    assert len(server.asked()) > paid
    budget = await tenant.get("/budget")
    assert (budget["waiting_documents"], budget["standing"]["reached"]) == (0, [])
    actions = [entry["action"] for entry in (await tenant.get("/audit"))["items"]]
    assert actions.count("budget.set") == 2


async def test_calls_at_once_overshoot_by_no_more_than_themselves(tmp_path: Path) -> None:
    with OpenAIServer(delay=0.02) as server:
        settings: dict[str, Any] = _settings(server) | {"llm_concurrency": 4, "embed_model": "offline"}
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant = await trip.onboard("acme")
            await tenant.client.put("/api/v1/budget", json={"daily_tokens": 1})
            await tenant.connect(sandbox)
            run = await tenant.sync()
            assert run["counts"]["waiting_for_budget"] > 0
            # Articles may have come first: then embedding them has used the budget up, and no summary was asked for.
            assert len(server.asked()) <= 4
            await asyncio.sleep(0)
            usage = [row["usage"] for row in (await tenant.get("/usage"))["items"]]
            assert sum(row["calls"] for row in usage if row["output_tokens"]) == len(server.asked())


async def test_a_model_without_a_price_costs_something_unknown(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        settings: dict[str, Any] = _settings(server) | {"llm_prices": "test-embed=0.1/0"}
        async with running_sandbox(SandboxOptions(tickets=10)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            await tenant.sync()
            [summary] = [row["usage"] for row in (await tenant.get("/usage"))["items"] if row["purpose"] == "summary"]
            assert (summary["cost_usd"], summary["unpriced_calls"]) == (None, summary["calls"])
            assert (await tenant.get("/budget"))["standing"]["unpriced"] == ["openai/test-model"]
