"""A trip that is traced: every kind of span is there, in one tree a request, and none holds a word that anybody wrote."""

import json
from pathlib import Path

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.observability import tracing
from sandbox.serve import SandboxServer
from tests.e2e.trip import running_trip

QUESTION = "비밀번호 재설정 메일이 오지 않아요"
ALLOWED = {
    *("http.request.method", "http.route", "http.response.status_code", "gen_ai.request.model", "error.type"),
    *("desklore.request_id", "desklore.company_id", "desklore.job_id", "desklore.purpose", "desklore.vendor", "desklore.outcome"),
}


async def test_a_trip_in_spans(tmp_path: Path, sandbox: SandboxServer) -> None:
    exporter = InMemorySpanExporter()
    tracing.start(SimpleSpanProcessor(exporter), version="test")
    try:
        async with running_trip(tmp_path) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            assert (await tenant.sync())["state"] == "completed"
            answer = await tenant.ask(QUESTION)
    finally:
        tracing.stop()
    spans = exporter.get_finished_spans()
    assert {
        "http_request",
        "sync_connection",
        "process_documents",
        "collect",
        "index",
        "search",
        "generate",
        "llm_call",
        "vendor_call",
    } <= {span.name for span in spans}
    assert {name for span in spans for name in span.attributes or {}} <= ALLOWED
    assert not any(span.events for span in spans)
    asked = next(span for span in spans if (span.attributes or {}).get("http.route") == "/api/v1/query")
    assert asked.context is not None
    of_request = {span.name for span in spans if span.context is not None and span.context.trace_id == asked.context.trace_id}
    expected = {"http_request", "sync_connection", "process_documents", "collect", "index", "search", "generate", "llm_call", "vendor_call"}
    assert expected <= {span.name for span in spans}
    assert {name for span in spans for name in span.attributes or {}} <= ALLOWED
    assert not any(span.events for span in spans)
    asked = next(span for span in spans if (span.attributes or {}).get("http.route") == "/api/v1/query")
    assert asked.context is not None
    of_request = {span.name for span in spans if span.context is not None and span.context.trace_id == asked.context.trace_id}
    assert {"http_request", "search", "generate", "llm_call"} <= of_request
    told = json.dumps([json.loads(span.to_json()) for span in spans], ensure_ascii=False)
    for text in (QUESTION, answer["answer"]["text"][:20], answer["tickets"][0]["title"], "@", sandbox.base_url):
        assert text not in told
