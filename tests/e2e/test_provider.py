"""An OpenAI-compatible server as the provider: summaries by schema, streamed answers, usage; its failures told plainly."""

import asyncio
import json
from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, running_trip
from tests.servers.rerank import RerankServer
from tests.support.openai_server import KEY, OpenAIServer


def _settings(server: OpenAIServer) -> dict[str, Any]:
    return {
        "summarize_model": "openai:test-model",
        "generate_model": "openai:test-model",
        "embed_model": "openai:test-embed",
        "openai_api_key": KEY,
        "openai_base_url": server.base_url,
        "llm_prices": "test-model=1.0/2.0,test-embed=0.1/0",
        "llm_attempts": 1,
        "llm_timeout_seconds": 5,
        "attachment_max_bytes": 1,
    }


async def _questions_found(tenant: Tenant) -> float:
    """How often the vector of a question was kept."""
    series = 'desklore_cache_lookups_total{cache="question",outcome="hit"} '
    lines = (await tenant.client.get("/metrics")).text.splitlines()
    return sum(float(line.removeprefix(series)) for line in lines if line.startswith(series))


async def test_a_provider_summarizes_embeds_and_answers(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            run = await tenant.sync()
            assert run["state"] == "completed", run
            assert run["counts"]["llm_calls"] > 0
            asked = [each.body for each in server.requests if each.path.endswith("/chat/completions")]
            assert all(body["response_format"]["type"] == "json_schema" for body in asked)
            usage = {row["purpose"]: row["usage"] for row in (await tenant.get("/usage"))["items"]}
            assert usage["summary"]["calls"] == len(asked)
            assert usage["summary"]["input_tokens"] > 0
            assert usage["summary"]["cost_usd"] > 0
            before = len(server.requests)
            again = await tenant.sync(mode="full")
            assert again["counts"]["llm_calls"] == 0
            assert len(server.requests) == before

            server.answer = "Renew the signing certificate [1]."
            events = (await tenant.client.post("/api/v1/query/stream", json={"question": "SSO login loops back"})).text
            assert events.count("event: token") > 1
            done = json.loads(events.split("event: done")[1].split("data: ")[1].splitlines()[0])
            assert done["grounded"]
            assert done["usage"]["output_tokens"] > 0

            embedded = sum(each.path.endswith("/embeddings") for each in server.requests)
            found = await _questions_found(tenant)
            for _ in range(3):
                await tenant.post("/search", {"query": "SSO login loops back"})
            assert sum(each.path.endswith("/embeddings") for each in server.requests) == embedded, "the question's vector is kept"
            assert await _questions_found(tenant) == found + 3

            server.refusal = "I can't help with that."
            refused = await tenant.client.post("/api/v1/query", json={"question": "SSO login loops back"})
            assert refused.json()["error"]["code"] == "llm_refused"
            server.refusal, server.fail_times, server.status = None, 100, 503
            away = await tenant.client.post("/api/v1/query", json={"question": "SSO login loops back"})
            assert away.status_code in (502, 503)
            assert away.json()["error"]["code"] == "llm_unavailable"


async def test_an_outage_postpones_documents_and_loses_none(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            server.fail_times, server.status, server.retry_after = 10**6, 503, "1"
            run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
            told = await _until_told(tenant, run["run_id"])
            assert told["state"] == "running"
            assert told["error_code"] == "llm_unavailable"
            server.fail_times = 0
            run = await tenant.wait(run["run_id"])
            assert run["state"] == "completed", run
            assert run["counts"]["documents"] == run["counts"]["indexed_documents"]
            failed = await tenant.get("/documents", state="failed")
            assert failed["items"] == []


async def _until_told(tenant: Tenant, run_id: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            run = await tenant.get(f"/runs/{run_id}")
            if run["error_code"]:
                return run
            await asyncio.sleep(0.05)


async def test_a_model_judges_the_hits_where_that_is_wanted(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        settings = _settings(server) | {"summarize_model": "offline", "embed_model": "offline"}
        settings |= {"reason_model": "openai:judge", "rerank_hits": 5}
        async with running_sandbox(SandboxOptions(tickets=60)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
            await tenant.connect(sandbox)
            await tenant.sync()
            plain = await tenant.post("/search", {"query": "SSO login loops back", "ranking": {"rerank": False}})
            assert not server.requests
            last = min(5, len(plain["hits"]))
            server.answer = json.dumps({"scores": [{"number": last, "score": 10}]})
            judged = await tenant.post("/search", {"query": "SSO login loops back"})
            assert judged["hits"][0]["document_id"] == plain["hits"][last - 1]["document_id"]
            assert judged["hits"][0]["why"]["rerank"] == 10
            assert [row["purpose"] for row in (await tenant.get("/usage"))["items"]].count("rerank") == 1
            assert not [row for row in (await other.get("/usage"))["items"] if row["purpose"] == "rerank"]
            server.answer = "no JSON"
            again = await tenant.post("/search", {"query": "SSO login loops back"})
            assert [hit["document_id"] for hit in again["hits"]] == [hit["document_id"] for hit in plain["hits"]]


async def test_a_cross_encoder_judges_the_hits_and_is_done_without(tmp_path: Path) -> None:
    with RerankServer() as server:
        settings = {
            "rerank_model": "bge",
            "rerank_base_url": server.base_url,
            "rerank_api_key": KEY,
            "rerank_hits": 5,
            "rerank_timeout_seconds": 30,
            "llm_circuit_failures": 2,
            "llm_circuit_seconds": 300,
            "llm_prices": "bge=1/0",
        }
        async with running_sandbox(SandboxOptions(tickets=60)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
            await tenant.connect(sandbox)
            await tenant.sync()
            question = "SSO login loops back for jane@example.com"
            plain = await tenant.post("/search", {"query": question, "ranking": {"rerank": False}})
            assert not server.requests
            judged = await tenant.post("/search", {"query": question})
            scores = [hit["why"]["rerank"] for hit in judged["hits"][:5]]
            assert scores == sorted(scores, reverse=True)
            assert {hit["document_id"] for hit in judged["hits"]} == {hit["document_id"] for hit in plain["hits"]}
            assert "jane@example.com" not in str(server.asked())
            (booked,) = [row for row in (await tenant.get("/usage"))["items"] if row["purpose"] == "rerank"]
            assert (booked["provider"], booked["model"], booked["usage"]["input_tokens"]) == ("reranker", "bge", 77)
            assert (await other.post("/search", {"query": question}))["hits"] == []
            assert not [row for row in (await other.get("/usage"))["items"] if row["purpose"] == "rerank"]
            asked = len(server.requests)
            server.fail_times = 2
            for _ in range(3):
                # The third time the circuit is open: nobody waits for a server that is down.
                again = await tenant.post("/search", {"query": question})
                assert [hit["document_id"] for hit in again["hits"]] == [hit["document_id"] for hit in plain["hits"]]
                assert again["hits"][0]["explanation"][-1] == "not judged by a model: llm_unavailable"
            assert len(server.requests) == asked + 2
