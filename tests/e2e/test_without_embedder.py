"""Search while the embedding model is away or slow: words find what is there, and everybody is told."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, running_trip
from tests.support.openai_server import KEY, OpenAIServer

QUESTION = "SSO login loops back"


def _settings(server: OpenAIServer, **more: Any) -> dict[str, Any]:
    provider = {"embed_model": "openai:test-embed", "openai_api_key": KEY, "openai_base_url": server.base_url}
    return provider | {"llm_attempts": 1, "llm_circuit_failures": 100, "attachment_max_bytes": 1} | more


async def test_words_find_what_is_there_while_the_embedder_is_away(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            await tenant.sync()
            ticket = (await tenant.get("/documents", doc_type="ticket", limit=1))["items"][0]["original_id"]
            server.fail_times, server.status = 10**6, 503

            found = await tenant.post("/search", {"query": QUESTION})
            assert (found["degraded"], found["cosine"]) == ("llm_unavailable", None)
            assert found["hits"]
            asked = len(server.requests)
            answer = await tenant.ask("Invoices show the wrong address")
            assert (answer["degraded"], bool(answer["tickets"])) == ("llm_unavailable", True)
            assert len(server.requests) == asked + 1, "the lists of each type don't wait for it again"
            stream = (await tenant.client.post("/api/v1/query/stream", json={"question": QUESTION})).text
            assert '"degraded":"llm_unavailable"' in stream
            brief = await tenant.get(f"/init/{ticket}")
            assert (brief["degraded"], bool(brief["similar"])) == (None, True), "what it means is known since it was indexed"
            draft = {"ticket_id": ticket, "hint": "Mention the new certificate."}
            assert (await tenant.client.post("/api/v1/generate_reply", json=draft)).is_success
            by_meaning = {"query": QUESTION, "ranking": {"sparse_weight": 0}}
            refused = await tenant.client.post("/api/v1/search", json=by_meaning)
            assert refused.json()["error"]["code"] == "llm_unavailable", "without words nothing is left to search by"
            assert 'desklore_searches_degraded_total{code="llm_unavailable"}' in (await trip.anonymous.get("/metrics")).text

            assert not [row for row in (await tenant.get("/usage"))["items"] if row["purpose"] == "embed_query"]

            server.fail_times = 0
            assert (await tenant.post("/search", {"query": QUESTION}))["degraded"] is None


async def test_a_slow_embedder_is_not_waited_for_and_its_vector_is_kept(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        settings = _settings(server, question_vector_seconds=0.05)
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
            tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
            await tenant.connect(sandbox)
            await tenant.sync()
            asked = len(server.requests)
            server.delay = 1.0
            assert (await tenant.post("/search", {"query": QUESTION}))["degraded"] == "llm_unavailable"
            assert await _meaning_of(tenant)
            assert len(server.requests) == asked + 1, "whoever asks again joins in"
            assert (await other.post("/search", {"query": QUESTION}))["degraded"] == "llm_unavailable"
            assert len(server.requests) == asked + 2, "what one tenant paid for is no other's"


async def test_opening_a_known_ticket_asks_no_model_and_keeps_nothing_that_words_alone_found(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with running_sandbox(SandboxOptions(tickets=30)) as sandbox, running_trip(tmp_path / "data", **_settings(server)) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            await tenant.sync()
            asked = len(server.requests)
            tickets = (await tenant.get("/documents", doc_type="ticket", limit=5))["items"]
            for ticket in tickets:
                brief = await tenant.get(f"/init/{ticket['original_id']}")
                assert any(hit["why"]["dense_rank"] for hit in brief["similar"]), "meaning took part"
            assert len(server.requests) == asked

            with contextlib.closing(sqlite3.connect(tmp_path / "data" / "desklore.db")) as database, database:
                database.execute("DELETE FROM paid_results")
            ticket = (await tenant.get("/documents", doc_type="ticket", limit=6))["items"][-1]["original_id"]
            server.fail_times, server.status = 10**6, 503
            assert (await tenant.get(f"/init/{ticket}"))["degraded"] == "llm_unavailable"
            server.fail_times = 0
            assert (await tenant.get(f"/init/{ticket}"))["degraded"] is None, "what words alone found was not kept"


async def _meaning_of(tenant: Tenant) -> bool:
    async with asyncio.timeout(30):
        while (await tenant.post("/search", {"query": QUESTION}))["degraded"]:
            await asyncio.sleep(0.05)
    return True
