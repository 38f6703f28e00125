"""Another model summarizes anew only when it is asked to, for the price that was shown, and nothing is paid twice."""

from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_provider import _settings
from tests.e2e.trip import running_trip
from tests.support.openai_server import OpenAIServer


async def test_a_new_model_asks_first(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        settings: dict[str, Any] = _settings(server) | {"embed_model": "offline"}
        async with running_sandbox(SandboxOptions(tickets=20)) as sandbox:
            async with running_trip(tmp_path / "data", **settings) as trip:
                tenant = await trip.onboard("acme")
                await tenant.connect(sandbox)
                await tenant.sync()
                same = await tenant.post("/documents/resummarize", {})
                assert (same["documents"], same["usage"]["calls"]) == (0, 0)
                key, paid = tenant.api_key, len(server.asked())
            settings |= {"summarize_model": "openai:other-model", "llm_prices": "other-model=1/2"}
            async with running_trip(tmp_path / "data", **settings) as trip:
                tenant = trip.tenant("acme", key)
                figures = await tenant.post("/documents/resummarize", {})
                assert figures["documents"] > 0
                assert figures["usage"]["calls"] == paid
                assert figures["usage"]["cost_usd"] > 0
                assert (figures["model"], figures["started"], len(server.asked())) == ("openai:other-model", False, paid)
                refused = await tenant.client.post("/api/v1/documents/resummarize", json={"confirm": "other"})
                assert refused.status_code == 422
                assert (await tenant.post("/documents/resummarize", {"confirm": figures["confirm"]}))["started"]
                await trip.settle("acme")
                assert len(server.asked()) == 2 * paid
                assert (await tenant.post("/documents/resummarize", {}))["documents"] == 0
                other = await trip.onboard("bravo")
                assert (await other.post("/documents/resummarize", {}))["documents"] == 0
            settings |= {"summarize_model": "openai:test-model"}
            async with running_trip(tmp_path / "data", **settings) as trip:
                tenant = trip.tenant("acme", key)
                back = await tenant.post("/documents/resummarize", {})
                assert (back["usage"]["calls"], len(server.asked())) == (0, 2 * paid)
