"""The meter: fills what METRICS names, refuses what it doesn't, and counts no CPU second twice."""

import threading
import time

import pytest

from backend.core.ports.meter import Meter
from backend.observability.metrics import METRICS, MetricKind, NullMeter, PrometheusMeter, exposed_name


def _value(meter: PrometheusMeter, name: str, **labels: str) -> float:
    return meter.registry.get_sample_value(name, labels) or 0.0


def _burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))


def test_both_meters_are_meters() -> None:
    meters: list[Meter] = [PrometheusMeter(), NullMeter()]
    for meter in meters:
        meter.count("documents_processed", 2, state="indexed")
        meter.level("jobs_waiting", 3)
        meter.observe("http_seconds", 0.2, method="GET", route="/health")
        with meter.stage("merge"):
            pass


def test_counts_levels_and_times_are_rendered() -> None:
    meter = PrometheusMeter()
    meter.count("documents_processed", 2, state="indexed")
    meter.count("documents_processed", state="failed")
    meter.level("jobs_running", 4)
    meter.observe("llm_seconds", 1.5, purpose="summary", model="m")
    text, content_type = meter.render()
    assert content_type.startswith("text/plain")
    assert b'desklore_documents_processed_total{state="indexed"} 2.0' in text
    assert b"desklore_jobs_running 4.0" in text
    assert _value(meter, "desklore_llm_seconds_sum", purpose="summary", model="m") == 1.5
    assert b"process_resident_memory_bytes" in text


def test_every_metric_can_be_filled_and_keeps_its_name() -> None:
    meter = PrometheusMeter()
    for name, metric in METRICS.items():
        labels = dict.fromkeys(metric.labels, "x")
        fill = {MetricKind.COUNTER: meter.count, MetricKind.GAUGE: meter.level, MetricKind.HISTOGRAM: meter.observe}[metric.kind]
        fill(name, 1.0, **labels)
    text = meter.render()[0].decode()
    for name in METRICS:
        assert f"\n{exposed_name(name)}" in text
        assert f"# HELP {exposed_name(name)} " in text


def test_meters_do_not_share_a_registry() -> None:
    first, second = PrometheusMeter(), PrometheusMeter()
    first.count("runs", state="completed")
    assert _value(second, "desklore_runs_total", state="completed") == 0.0


@pytest.mark.parametrize("labels", [{}, {"stat": "indexed"}, {"state": "indexed", "company_id": "acme"}])
def test_wrong_labels_are_a_mistake_in_the_code(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="label"):
        PrometheusMeter().count("documents_processed", 1, **labels)


def test_an_unknown_name_or_the_wrong_method_is_refused() -> None:
    meter = PrometheusMeter()
    with pytest.raises(ValueError, match="tickets_eaten"):
        meter.count("tickets_eaten")
    with pytest.raises(ValueError, match="gauge"):
        meter.level("documents_processed", 1, state="indexed")


def test_a_stage_inside_a_stage_takes_its_own_cpu_only() -> None:
    meter = PrometheusMeter()
    with meter.stage("collect"):
        _burn(0.02)
        with meter.stage("merge"):
            _burn(0.03)
    outer = _value(meter, "desklore_stage_cpu_seconds_total", stage="collect")
    inner = _value(meter, "desklore_stage_cpu_seconds_total", stage="merge")
    assert 0.02 <= outer < inner + 0.02
    assert inner >= 0.03
    assert _value(meter, "desklore_stage_seconds_count", stage="collect") == 1


def test_overlapping_stages_never_add_up_to_more_than_the_thread_used() -> None:
    meter = PrometheusMeter()
    before = time.thread_time()
    first, second = meter.stage("collect"), meter.stage("embed")
    first.__enter__()
    second.__enter__()
    _burn(0.02)
    first.__exit__(None, None, None)
    _burn(0.02)
    second.__exit__(None, None, None)
    used = time.thread_time() - before
    told = sum(_value(meter, "desklore_stage_cpu_seconds_total", stage=stage) for stage in ("collect", "embed"))
    assert 0.04 <= told <= used


def test_a_failed_stage_is_timed_and_its_error_goes_on() -> None:
    meter = PrometheusMeter()
    with pytest.raises(RuntimeError), meter.stage("index"):
        raise RuntimeError
    assert _value(meter, "desklore_stage_seconds_count", stage="index") == 1


def test_threads_have_accounts_of_their_own() -> None:
    meter = PrometheusMeter()

    def work() -> None:
        with meter.stage("embed"):
            _burn(0.01)

    with meter.stage("collect"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert _value(meter, "desklore_stage_cpu_seconds_total", stage="embed") >= 0.01
