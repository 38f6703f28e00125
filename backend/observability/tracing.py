"""Spans of what Desklore does, for OpenTelemetry: nothing is loaded and nothing is done until `start` is called.

A span holds names, ids, counts and codes; never a text, a question, an address or a message of an error, which may quote one.
Which span is the present one is kept here, not in OpenTelemetry's context: a stage may end in another context than it began in,
where a streamed answer is left by its reader.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

Tell = Callable[..., None]
"""Adds attributes to a span that is under way."""


def _untold(**_attributes: str | float) -> None:
    """Nobody listens."""


_OFF: Final[AbstractContextManager[Tell]] = nullcontext(_untold)


class _Tracing:
    """What listens in this process; None for nothing."""

    tracer: Any = None
    provider: "TracerProvider | None" = None


_present: ContextVar[Any] = ContextVar("span", default=None)


def span(name: str, *, parent: Mapping[str, str] | None = None, **attributes: str | float) -> AbstractContextManager[Tell]:
    """Around a piece of work; spans inside it are its children. `parent`: headers that may name a caller's trace (`traceparent`)."""
    return _OFF if _Tracing.tracer is None else _span(name, parent, attributes)


def leaf(name: str, **attributes: str | float) -> AbstractContextManager[Tell]:
    """The same for work that has no parts of its own, such as a call of somebody else."""
    return _OFF if _Tracing.tracer is None else _leaf(name, attributes)


def trace_ids() -> dict[str, str]:
    """`trace_id` and `span_id` of the present span, for log lines; nothing outside of one."""
    here = _present.get() if _Tracing.tracer is not None else None
    if here is None:
        return {}
    context = here.get_span_context()
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def start(processor: "SpanProcessor", *, version: str, share: float = 1.0) -> None:
    """Give spans to the processor from now on: those of this share of the traces, and those of a caller who traces."""
    # Loaded here because few installations trace.
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    resource = Resource.create({"service.name": "desklore", "service.version": version})
    _Tracing.provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(share)), shutdown_on_exit=False)
    _Tracing.provider.add_span_processor(processor)
    _Tracing.tracer = _Tracing.provider.get_tracer("desklore", version)


def start_exporting(endpoint: str, *, version: str, share: float) -> None:
    """Send spans to a collector over OTLP/HTTP, in the background and in batches. Raises ImportError where the extra is missing."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - part of an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    start(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), version=version, share=share)


def stop() -> None:
    """Send what is left, and listen to nothing any more. Blocks for some seconds where the collector is away: call it in a thread."""
    provider, _Tracing.provider, _Tracing.tracer = _Tracing.provider, None, None
    if provider is not None:
        provider.shutdown()


@contextmanager
def _span(name: str, parent: Mapping[str, str] | None, attributes: Mapping[str, str | int | float]) -> Iterator[Tell]:
    before = _present.get()
    with _leaf(name, attributes, parent=parent, enter=True) as tell:
        try:
            yield tell
        finally:
            _present.set(before)


@contextmanager
def _leaf(
    name: str, attributes: Mapping[str, str | int | float], *, parent: Mapping[str, str] | None = None, enter: bool = False
) -> Iterator[Tell]:
    from opentelemetry.trace import Status, StatusCode, set_span_in_context  # noqa: PLC0415 - part of an extra

    before = _present.get()
    within = set_span_in_context(before) if before is not None else _given(parent)
    made = _Tracing.tracer.start_span(name, context=within, attributes=_named(attributes), record_exception=False)
    if enter:
        _present.set(made)

    def tell(**more: str | float) -> None:
        made.set_attributes(_named(more))

    try:
        yield tell
    except Exception as error:
        # By its code or type alone: messages quote what was being worked on.
        code = getattr(error, "code", None)
        made.set_attribute("error.type", code.value if isinstance(code, StrEnum) else type(error).__name__)
        made.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        made.end()


def _given(headers: Mapping[str, str] | None) -> Any:
    """The trace of a caller; a new one where it names none, also inside somebody else's OpenTelemetry."""
    from opentelemetry.context import Context  # noqa: PLC0415 - part of an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - as above

    return TraceContextTextMapPropagator().extract(headers, context=Context()) if headers is not None else Context()


def _named(attributes: Mapping[str, str | int | float]) -> dict[str, str | int | float]:
    return {_STANDARD.get(name, f"desklore.{name}"): value for name, value in attributes.items()}


_STANDARD: Final = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "model": "gen_ai.request.model",
}
"""https://opentelemetry.io/docs/specs/semconv/"""
