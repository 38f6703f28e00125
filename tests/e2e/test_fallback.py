"""The first provider is down: the second one summarizes and answers, usage names it, health says that the first is left alone."""

import json
from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_provider import _settings
from tests.e2e.trip import running_trip
from tests.support.openai_server import OpenAIServer

SECOND_KEY = "sk-second-77aa01"


async def test_a_second_provider_takes_over(tmp_path: Path) -> None:
    with OpenAIServer() as first, OpenAIServer(key=SECOND_KEY) as second:
        settings: dict[str, Any] = _settings(first) | {
            "embed_model": "offline",
            "summarize_fallback": "openai:second-model",
            "generate_fallback": "openai:second-model",
            "fallback_base_url": second.base_url,
            "fallback_api_key": SECOND_KEY,
            "llm_prices": "test-model=1.0/2.0,second-model=3.0/4.0",
        }
        first.fail_times, first.status = 10**6, 503
        async with running_sandbox(SandboxOptions(tickets=20)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
            await tenant.connect(sandbox)
            run = await tenant.sync()
            assert (run["state"], run["error_code"]) == ("completed", None)
            # After five failures in a row nobody bothers the first one; calls that were under way then end.
            assert 5 <= len(first.asked()) <= 5 + 8
            assert not any(SECOND_KEY in request.authorization for request in first.requests)
            second.answer = "Renew the signing certificate [1]."
            events = (await tenant.client.post("/api/v1/query/stream", json={"question": "SSO login loops back"})).text
            assert json.loads(events.split("event: done")[1].split("data: ")[1].splitlines()[0])["grounded"]
            usage = {(row["model"], row["purpose"]): row["usage"] for row in (await tenant.get("/usage"))["items"]}
            assert set(usage) == {("second-model", "summary"), ("second-model", "answer")}
            assert usage["second-model", "summary"]["cost_usd"] > 0
            assert (await other.get("/usage"))["items"] == []
            health = (await trip.anonymous.get("/health")).json()
            circuits = {each["name"]: each["state"] for each in health["dependencies"] if each["name"].startswith("circuit:")}
            assert circuits == {"circuit:openai/test-model": "low", "circuit:openai/second-model": "ok"}
            assert health["status"] == "degraded"
