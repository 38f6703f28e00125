"""The pulse of a run: it beats while the body runs, outlives a failed beat, and is over when the body is."""

import asyncio

import pytest

from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.pulse import pulse
from backend.core.ingest.pipeline.tally import with_quota
from backend.core.model.sync import RunCounts
from backend.core.ports.source import SourceQuota


async def test_it_beats_until_the_body_is_over_whatever_a_beat_does() -> None:
    beats = 0
    twice = asyncio.Event()

    async def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == 2:
            twice.set()
        raise AppError(Code.STORAGE_FULL)

    async with asyncio.timeout(5):
        async with pulse(beat, 0.001):
            await twice.wait()
    seen = beats
    await asyncio.sleep(0.01)
    assert beats == seen


async def test_a_body_that_fails_ends_it() -> None:
    async def beat() -> None:
        raise AssertionError("too early")

    with pytest.raises(ValueError, match="body"):
        async with pulse(beat, 60):
            raise ValueError("body")


async def test_a_beat_is_never_broken_off() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def beat() -> None:
        begun.set()
        await asyncio.sleep(0.01)
        ended.set()

    async with pulse(beat, 0.001):
        await begun.wait()
    assert ended.is_set()


def test_figures_of_the_quota_are_taken_over() -> None:
    quota = SourceQuota(calls=3, remaining=7, limit=80, waited_seconds=1.26, waiting_for="tickets:80", waiting_seconds=2.04)
    counts = with_quota(RunCounts(listed=5), quota)
    assert (counts.listed, counts.api_calls, counts.api_remaining, counts.api_limit) == (5, 3, 7, 80)
    assert (counts.api_waited_seconds, counts.api_waiting_for, counts.api_waiting_seconds) == (1.3, "tickets:80", 2.0)
