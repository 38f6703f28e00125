"""What a model would not take is told, holds up nothing else, and is processed once its cause is gone."""

import asyncio
from pathlib import Path
from typing import Any

from backend.core.model.document import DocState
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_provider import _settings
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.openai_server import OpenAIServer


async def _states(trip: Trip, company_id: str = "acme") -> dict[DocState, int]:
    async with trip.runtime.services.database.open(company_id) as uow:
        return {state: count for state, count in (await uow.documents.counts()).items() if count}


async def _begun(trip: Trip, sandbox: Any) -> Tenant:
    tenant = await trip.onboard("acme")
    await tenant.connect(sandbox)
    return tenant


async def test_summaries_that_were_rejected_are_told_and_tried_again_on_demand_and_at_start(tmp_path: Path) -> None:
    with OpenAIServer(fail_times=10_000, status=400) as server:
        settings: dict[str, Any] = _settings(server) | {"embed_model": "offline"}
        async with running_sandbox(SandboxOptions(tickets=12)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant = await _begun(trip, sandbox)
            run = await tenant.sync()
            failed = (await _states(trip))[DocState.FAILED]
            assert (run["state"], run["counts"]["unprocessed"]) == ("completed", failed)
            assert "desklore documents retry" in run["error_message"]
            listed = (await tenant.get("/documents", state="failed"))["items"]
            assert {each["error_code"] for each in listed} == {"llm_request_rejected"}
            server.fail_times = 0
            other = await trip.onboard("bravo")
            assert (await other.post("/documents/retry", {}))["documents"] == 0, "nobody else's"
            assert (await tenant.post("/documents/retry", {}))["documents"] == failed
            await trip.settle("acme")
            assert DocState.FAILED not in await _states(trip)
            audited = (await tenant.get("/audit"))["items"]
            assert any(entry["action"] == "documents.retry" for entry in audited)
            server.fail_times = 10_000
        async with running_trip(tmp_path / "data", **settings | {"summarize_model": "openai:other-model"}) as trip:
            tenant = trip.tenant("acme", tenant.api_key)
            figures = await tenant.post("/documents/resummarize", {})
            await tenant.post("/documents/resummarize", {"confirm": figures["confirm"]})
            await trip.settle("acme")
            assert (await _states(trip))[DocState.FAILED] == figures["documents"]
        server.fail_times = 0
        async with running_trip(tmp_path / "data", **settings) as trip:
            await trip.settle("acme")
            assert DocState.FAILED not in await _states(trip), "a start with other settings tries once more"


async def test_a_wrong_model_name_fails_nothing_and_says_what_to_check(tmp_path: Path) -> None:
    with OpenAIServer(fail_times=10_000, status=404) as server:
        settings: dict[str, Any] = _settings(server) | {"embed_model": "offline"}
        async with running_sandbox(SandboxOptions(tickets=6)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant = await _begun(trip, sandbox)
            begun = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
            async with asyncio.timeout(60):
                while (run := await tenant.get(f"/runs/{begun['run_id']}"))["error_code"] is None:
                    await asyncio.sleep(0.05)
            assert (run["error_code"], "Check the model's name" in run["error_message"]) == ("llm_model_wrong", True)
            assert DocState.FAILED not in await _states(trip)


async def test_a_text_that_the_embedder_rejects_holds_up_no_other(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        settings = _settings(server)
        async with running_sandbox(SandboxOptions(tickets=12)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant = await _begun(trip, sandbox)
            server.rejects = "비밀번호"
            await tenant.sync()
            states = await _states(trip)
            assert states[DocState.FAILED] > 0
            assert states[DocState.INDEXED] > states[DocState.FAILED]
            server.rejects = ""
            await tenant.post("/documents/retry", {})
            await trip.settle("acme")
            assert DocState.FAILED not in await _states(trip)
