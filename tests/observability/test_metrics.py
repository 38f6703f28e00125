"""The meter: fills what METRICS names, refuses what it doesn't, and counts no CPU second twice."""

import asyncio
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


async def test_each_of_many_tasks_pays_for_its_own_stage() -> None:
    meter = PrometheusMeter()
    meter.clock.watch(asyncio.get_running_loop())

    async def work(stage: str, seconds: float) -> None:
        with meter.stage(stage):
            for _ in range(4):
                _burn(seconds / 4)
                await asyncio.sleep(0)

    before = time.thread_time()
    tasks = [asyncio.create_task(work("collect", 0.02)), asyncio.create_task(work("embed", 0.06)), asyncio.create_task(work("index", 0.0))]
    await asyncio.gather(*tasks)
    used = time.thread_time() - before
    spent = {stage: _value(meter, "desklore_stage_cpu_seconds_total", stage=stage) for stage in ("collect", "embed", "index")}
    assert spent["collect"] >= 0.02
    assert spent["embed"] >= 0.06
    assert spent["index"] < 0.02
    assert sum(spent.values()) <= used


async def test_tasks_a_stage_begins_are_part_of_it_and_what_is_in_none_is_other() -> None:
    meter = PrometheusMeter()
    meter.clock.watch(asyncio.get_running_loop())

    async def burn() -> None:
        _burn(0.02)

    async def collect() -> None:
        with meter.stage("collect"):
            await asyncio.gather(burn(), burn())
        _burn(0.02)

    await asyncio.create_task(collect())
    meter.render()
    assert _value(meter, "desklore_stage_cpu_seconds_total", stage="collect") >= 0.04
    assert _value(meter, "desklore_stage_cpu_seconds_total", stage="other") >= 0.02


async def test_a_watched_task_is_cancelled_and_fails_like_any_other() -> None:
    meter = PrometheusMeter()
    meter.clock.watch(asyncio.get_running_loop())
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("yes")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    task = asyncio.create_task(wait(), name="waiter")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (cleaned, task.get_name()) == (["yes"], "waiter")
    with pytest.raises(LookupError):
        await asyncio.create_task(fail())
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        results = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
    assert [each.result() for each in results] == [0, 1, 2]


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
