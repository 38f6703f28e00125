"""Every Prometheus metric, named in one place, and the meter that fills them.

`docs/metrics.md` lists the same names; a test keeps the two equal.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from backend.observability.stages import StageClock
from backend.observability.tracing import span

PREFIX: Final = "desklore"

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0)


_Family = TypeVar("_Family", Counter, Gauge, Histogram)


class MetricKind(StrEnum):
    """How a metric behaves, and which method of the meter fills it."""

    COUNTER = "counter"
    """Only grows: `count`."""
    GAUGE = "gauge"
    """What is there right now: `level`."""
    HISTOGRAM = "histogram"
    """A spread of seconds: `observe`, or `stage` for the two of stages."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: what it tells and which labels it has. Labels are bounded: never an id, never a customer's text."""

    kind: MetricKind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = _FAST


_C, _G, _H = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
METRICS: Final[dict[str, Metric]] = {
    "searches_degraded": Metric(_C, "Searches by words alone because the question's vector could not be had.", ("code",)),
    "rerank_failures": Metric(_C, "Times the model that judges hits failed, so that they stood as they were.", ("code",)),
    "index_switches": Metric(_C, "Times a tenant's newly built index took the place of the older one."),
    "older_index_without_vectors": Metric(
        _C, "Documents that an older index, searched until the new one is whole, got without a dense vector: its embedder failed."
    ),
    "documents_processed": Metric(_C, "Documents that reached a final state: `indexed`, `skipped`, `failed` or `deleted`.", ("state",)),
    "run_items": Metric(_C, "Items a sync met: `listed`, `unchanged`, `stored`, `deleted` or `failed`.", ("outcome",)),
    "runs": Metric(_C, "Runs that ended: `completed`, `failed` or `canceled`.", ("state",)),
    "archive_files": Metric(
        _C, "Files of the archive of payloads: `removed` with old payloads, or `written` in the place of several.", ("outcome",)
    ),
    "runs_stalled": Metric(_C, "Runs without a sign of life: `taken_up` again, or `failed` after too many times.", ("outcome",)),
    "attachments": Metric(_C, "Attachments by what became of them: `read`, `kept`, `waiting` or `failed`.", ("state",)),
    "stage_seconds": Metric(
        _H,
        "Time of a stage: `collect`, `merge`, `attachments`, `pictures`, `summarize`, `embed`, `index`, "
        "`store`, `search`, `rerank`, `generate`; "
        "the search latency is the stage `search`.",
        ("stage",),
    ),
    "stage_cpu_seconds": Metric(
        _C, "CPU time of a stage on the thread that ran it; `other` is what is in no stage. No moment counts twice.", ("stage",)
    ),
    "scheduled_runs": Metric(_C, "Runs that the schedule started, by mode.", ("mode",)),
    "schedule_lag_seconds": Metric(_H, "How much later than planned the schedule started a run.", (), _SLOW),
    "source_calls": Metric(_C, "Calls to a helpdesk's API.", ("platform",)),
    "source_wait_seconds": Metric(_C, "Seconds spent waiting because a helpdesk's quota asked for it.", ("platform",)),
    "source_lane_wait_seconds": Metric(
        _H,
        "How long a call to a helpdesk that the quota held up waited for its turn, by lane: `live`, `webhook`, `incremental`, `backfill`.",
        ("lane",),
        _SLOW,
    ),
    "llm_calls": Metric(_C, "Calls to a model by why; the outcome is `ok` or an error's code.", ("purpose", "model", "outcome")),
    "llm_circuit": Metric(_G, "Circuit breaker of a model: 0 closed, 0.5 half-open, 1 open.", ("provider", "model")),
    "llm_fallbacks": Metric(_C, "Calls that a second model took over, and the error's code of the first.", ("purpose", "model", "code")),
    "llm_refused": Metric(_C, "Calls to a model that a company's budget did not admit.", ("purpose",)),
    "llm_seconds": Metric(_H, "How long a call to a model took.", ("purpose", "model"), _SLOW),
    "llm_tokens": Metric(_C, "Tokens of models, `input` or `output`.", ("purpose", "model", "direction")),
    "llm_cost_usd": Metric(_C, "US dollars spent on models, by the prices in the settings.", ("purpose", "model")),
    "embeddings": Metric(_C, "Texts turned into vectors.", ("purpose", "model")),
    "cache_lookups": Metric(
        _C,
        "Look-ups of kept results, `hit` or `miss`: what was paid for (`summary`, `vector`), vectors of questions (`question`), "
        "briefs of tickets (`brief`), and proofs of helpdesks' credentials (`login`).",
        ("cache", "outcome"),
    ),
    "briefs": Metric(
        _C,
        "Tickets opened; `kept` is `true` where nothing had changed since the last time, `ahead` where it was the first time and the "
        "brief was made before.",
        ("kept",),
    ),
    "briefs_ahead": Metric(
        _C,
        "Briefs that were wanted before anybody opened the ticket: `made`, `there` already, or `left_out` where only a model could tell.",
        ("outcome",),
    ),
    "answers": Metric(_C, "Answers given; `grounded` is `true` where the sources answered.", ("grounded",)),
    "feedback": Metric(_C, "Thumbs given: `up`, `down` or `none`.", ("rating",)),
    "http_requests": Metric(_C, "Requests to the API by route template.", ("method", "route", "status")),
    "http_limited": Metric(
        _C, "Requests that a rate limit refused: of an `address`, a `key`, a `tenant`, a `webhook` or a `login`.", ("scope",)
    ),
    "webhooks": Metric(_C, "Webhooks that came in: `noted`, `repeated`, `ignored`, `invalid` or `rejected`.", ("platform", "outcome")),
    "helpdesk_logins": Metric(
        _C, "Helpdesks asked whose credentials these are: `accepted`, `rejected` or `unknown`, where none told.", ("platform", "outcome")
    ),
    "webhook_reads": Metric(_C, "Items that were read because webhooks told of them.", ("platform",)),
    "http_seconds": Metric(_H, "How long a request took until its last byte was handed over.", ("method", "route")),
    "streams_open": Metric(_G, "Event streams that are open right now."),
    "streams_writing": Metric(_G, "Streamed answers that are being written right now, with or without a reader."),
    "streams_written": Metric(_C, "Streamed answers that ended: `done`, `error`, or the code of what stopped them.", ("outcome",)),
    "streams_resumed": Metric(_C, "Streams that a reader came back to."),
    "jobs": Metric(_C, "Jobs that were run: `done`, `again` or `failed`.", ("name", "outcome")),
    "jobs_waiting": Metric(_G, "Jobs that wait in the queue."),
    "jobs_running": Metric(_G, "Jobs that run right now."),
    "disk_free_bytes": Metric(_G, "Free space where the data folder lies."),
}
"""Name as the code says it -> what it is. Prometheus sees `desklore_<name>`, counters with `_total`."""


def exposed_name(name: str) -> str:
    """The metric's name as Prometheus scrapes it."""
    return f"{PREFIX}_{name}_total" if METRICS[name].kind is MetricKind.COUNTER else f"{PREFIX}_{name}"


class PrometheusMeter:
    """Fills the metrics of METRICS in a registry of its own, so that a process (a test) may have many.

    A name or label that METRICS does not know raises ValueError: it is a mistake in the code, not in the data.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, metric in METRICS.items():
            exposed, labels, text = f"{PREFIX}_{name}", metric.labels, metric.meaning.replace("`", "")
            if metric.kind is MetricKind.COUNTER:
                self._counters[name] = Counter(exposed, text, labels, registry=self.registry)
            elif metric.kind is MetricKind.GAUGE:
                self._gauges[name] = Gauge(exposed, text, labels, registry=self.registry)
            else:
                self._histograms[name] = Histogram(exposed, text, labels, buckets=metric.buckets, registry=self.registry)
        self._series: dict[tuple[object, ...], Any] = {}
        self.clock = StageClock()

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        self._one(self._counters, MetricKind.COUNTER, name, labels).inc(amount)

    def level(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge to what is there right now."""
        self._one(self._gauges, MetricKind.GAUGE, name, labels).set(value)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add a measured value (seconds) to a histogram."""
        self._one(self._histograms, MetricKind.HISTOGRAM, name, labels).observe(value)

    @contextmanager
    def stage(self, name: str, /) -> Iterator[None]:
        """Time a stage: wall seconds, and the CPU seconds of this thread that no stage inside it took."""
        started = time.perf_counter()
        before = self.clock.enter(name)
        try:
            with span(name):
                yield
        finally:
            self.clock.leave(before)
            self._tell_cpu()
            self.observe("stage_seconds", time.perf_counter() - started, stage=name)

    def _one(self, metrics: dict[str, _Family], kind: MetricKind, name: str, labels: dict[str, str]) -> _Family:
        """One series of a metric; asked for by its labels once, since that takes longer than counting."""
        key = (kind, name, *labels.items())
        series: _Family | None = self._series.get(key)
        if series is None:
            family = _of(metrics, name, kind)
            series = self._series[key] = family.labels(**labels) if METRICS[name].labels or labels else family
        return series

    def _tell_cpu(self) -> None:
        for stage, seconds in self.clock.take().items():
            self.count("stage_cpu_seconds", max(0.0, seconds), stage=stage)

    def render(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its content type."""
        self._tell_cpu()
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class NullMeter:
    """Listens to nobody: for tools that use a use case without a server."""

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Forget it."""

    def level(self, name: str, value: float, /, **labels: str) -> None:
        """Forget it."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Forget it."""

    def stage(self, name: str, /) -> AbstractContextManager[None]:  # noqa: ARG002 - the shape is the port's
        """Time nothing."""
        return nullcontext()


def _of(metrics: dict[str, _Family], name: str, kind: MetricKind) -> _Family:
    try:
        return metrics[name]
    except KeyError:
        raise ValueError(f"{name!r} is not a {kind} of METRICS in observability/metrics.py") from None
