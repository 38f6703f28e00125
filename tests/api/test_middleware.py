"""What is around every request: ids, headers, the log line, compression."""

import re

import structlog

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import ticket_id


async def test_a_request_id_is_taken_over_or_made(client_as: As) -> None:
    client = client_as(Role.AGENT)
    assert (await client.get("/api/v1/me", headers={"X-Request-Id": "abc-123"})).headers["x-request-id"] == "abc-123"
    for bad in ("a b", 'x"}\n{"event":"forged', "x" * 65, ""):
        made = (await client.get("/api/v1/me", headers={"X-Request-Id": bad.replace("\n", "")})).headers["x-request-id"]
        assert re.fullmatch(r"req_[0-9a-f]{20}", made)


async def test_every_answer_has_security_headers(client_as: As) -> None:
    for path in ("/health/live", "/api/v1/me", "/nothing"):
        headers = (await client_as(None).get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


async def test_one_log_line_without_contents(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await agent.get(f"/api/v1/documents/{ticket_id('acme')}?secret=query")
        await agent.post("/api/v1/query", json={"question": "비밀 질문"})
        await agent.get("/api/v1/runs/run_none")
    requests = [line for line in lines if line["event"] == "http_request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("GET", "/api/v1/documents/{document_id}", 200),
        ("POST", "/api/v1/query", 200),
        ("GET", "/api/v1/runs/{run_id}", 404),
    ]
    assert all(line["company_id"] == "acme" and line["request_id"] and line["ms"] >= 0 for line in requests)
    assert requests[2]["code"] == "run_not_found"
    for text in ("secret=query", "비밀 질문", "dk_", ticket_id("acme")):
        assert text not in str(lines)


async def test_large_answers_are_compressed(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    assert (await agent.get("/api/v1/documents")).headers.get("content-encoding") == "gzip"
    stream = await agent.post("/api/v1/query/stream", json={"question": "환불이 지연됩니다"})
    assert "content-encoding" not in stream.headers
