"""Spans: nothing without a listener, one tree a request, ids in the log, and nothing that anybody wrote."""

import io
import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.core.errors import AppError, Code
from backend.observability import tracing
from backend.observability.logging import configure_logging
from backend.observability.metrics import PrometheusMeter


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.start(SimpleSpanProcessor(exporter), version="1.2.3")
    yield exporter
    tracing.stop()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_without_a_listener_nothing_is_loaded_or_made() -> None:
    first, second = tracing.span("a", company_id="acme"), tracing.leaf("b")
    assert first is second, "one object for all"
    with first as tell:
        tell(status=200)
        assert tracing.trace_ids() == {}
    code = "import sys; import backend.observability.tracing; sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_stages_and_calls_are_children_of_what_they_are_part_of(spans: InMemorySpanExporter) -> None:
    meter = PrometheusMeter()
    with tracing.span("http_request", method="POST") as tell:
        with meter.stage("search"), tracing.leaf("llm_call", model="m"):
            pass
        with tracing.leaf("vendor_call", vendor="Freshdesk"):
            pass
        tell(route="/api/v1/query", status=200)
    found = by_name(spans)
    root, stage = found["http_request"], found["search"]
    assert root.parent is None
    assert stage.parent is not None
    assert found["llm_call"].parent is not None
    assert found["vendor_call"].parent is not None
    assert root.context is not None
    assert stage.context is not None
    assert stage.parent.span_id == root.context.span_id
    assert found["llm_call"].parent.span_id == stage.context.span_id
    assert found["vendor_call"].parent.span_id == root.context.span_id
    assert dict(root.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/query",
        "http.response.status_code": 200,
    }
    assert root.resource.attributes["service.version"] == "1.2.3"


def test_a_caller_s_trace_is_taken_up(spans: InMemorySpanExporter) -> None:
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with tracing.span("http_request", parent={"traceparent": f"00-{trace}-{caller}-01"}):
        assert tracing.trace_ids()["trace_id"] == trace
    with tracing.span("http_request", parent={"traceparent": "nonsense"}):
        assert tracing.trace_ids()["trace_id"] != trace
    first, second = spans.get_finished_spans()
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == caller
    assert second.parent is None


def test_an_error_is_told_by_its_code_and_never_by_its_words(spans: InMemorySpanExporter) -> None:
    secret = "이고객 <customer@example.com>"
    for error in (AppError(Code.INDEX_UNAVAILABLE, secret), ValueError(secret)):
        with suppress(AppError, ValueError), tracing.span("search"):
            raise error
    told = [span.to_json() for span in spans.get_finished_spans()]
    assert [json.loads(each)["attributes"]["error.type"] for each in told] == ["index_unavailable", "ValueError"]
    assert [json.loads(each)["status"] for each in told] == [{"status_code": "ERROR"}] * 2
    assert not any("example.com" in each or json.dumps("이고객")[1:-1] in each for each in told)


def test_log_lines_name_the_trace_they_were_written_in(spans: InMemorySpanExporter) -> None:
    stream = io.StringIO()
    configure_logging(level="INFO", console=False, stream=stream)
    log = structlog.get_logger("test")
    log.info("outside")
    with tracing.span("http_request"):
        log.info("inside")
    outside, inside = [json.loads(line) for line in stream.getvalue().splitlines()]
    span = by_name(spans)["http_request"]
    assert span.context is not None
    assert (inside["trace_id"], inside["span_id"]) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert "trace_id" not in outside


def test_a_stage_that_ends_in_another_context_leaves_the_right_span(spans: InMemorySpanExporter) -> None:
    """A streamed answer is closed by whoever left it, in a context of their own."""
    import contextvars

    def streaming() -> Generator[int, None, None]:
        with tracing.span("generate"):
            yield 1

    stream = streaming()
    contextvars.copy_context().run(next, stream)
    stream.close()
    assert tracing.trace_ids() == {}
    assert [span.name for span in spans.get_finished_spans()] == ["generate"]
