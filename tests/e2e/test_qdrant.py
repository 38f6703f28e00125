"""The whole trip with the index on a Qdrant server: the same answers as embedded, tenants apart."""

from pathlib import Path

from sandbox.serve import SandboxServer
from tests.e2e.trip import running_trip
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY

QUESTION = "비밀번호 재설정 메일이 오지 않아요"


async def test_a_server_answers_as_the_embedded_index_does(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with doubled() as (url, double):
        found = []
        server = {"vector_type": "server", "qdrant_url": url, "qdrant_api_key": KEY}
        for name, settings in (("embedded", {}), ("server", server), ("shared", {**server, "vector_layout": "shared"})):
            async with running_trip(tmp_path / name, **settings) as trip:
                tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
                await tenant.connect(sandbox)
                run = await tenant.sync()
                assert run["state"] == "completed", run
                assert run["counts"]["documents"] == run["counts"]["indexed_documents"]
                answer = await tenant.ask(QUESTION)
                assert answer["answer"]["grounded"]
                found.append([hit["document_id"] for hit in answer["tickets"]])
                assert not (await other.ask(QUESTION))["tickets"]
                if name == "server":
                    double.fail_with = 503
                    away = await tenant.client.post("/api/v1/query", json={"question": QUESTION})
                    assert (away.status_code, away.json()["error"]["code"]) == (503, "index_unavailable")
                    ready = await trip.anonymous.get("/health/ready")
                    assert ready.status_code == 503
                    double.fail_with = None
                    assert (await tenant.ask(QUESTION))["answer"]["grounded"]
        assert found[0] == found[1] == found[2]
        assert any("desklore__shared_" in path for path in double.requests)
        assert any("desklore_acme_" in path for path in double.requests)
        assert not (tmp_path / "server" / "index").exists()
