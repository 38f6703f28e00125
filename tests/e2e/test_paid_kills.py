"""A server that is killed in sync, processing and re-index pays twice for calls under way, and for no others; none is booked twice."""

from pathlib import Path

import pytest

from tests.e2e.paid_kills import CONCURRENCY, must_equal, trial

TEXTS_A_CALL = 100


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_kills_cost_the_calls_under_way_and_nothing_else(tmp_path: Path) -> None:
    told = await trial(tmp_path, tickets=24, kills=3)
    assert told["kills"] == 3
    assert told["rebuilt"] > 0
    assert told["same_contents"]
    assert must_equal(told["booked"]) == must_equal(told["calm_booked"])
    assert told["same"]
    assert told["calm_paid_once"]
    assert all(told["same_bought"].values())
    for summaries, texts in told["unkept"]:
        assert summaries <= CONCURRENCY
        assert texts <= TEXTS_A_CALL
    assert told["summaries_twice"] <= sum(summaries for summaries, _ in told["unkept"])
    assert told["texts_twice"] <= sum(texts for _, texts in told["unkept"])
