"""A server that is killed in sync, processing and re-index pays twice for calls that were under way, and for no others."""

from pathlib import Path

import pytest

from tests.e2e.paid_kills import CHAT, CONCURRENCY, EMBED, trial

TEXTS_A_CALL = 100


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_kills_cost_the_calls_under_way_and_nothing_else(tmp_path: Path) -> None:
    told = await trial(tmp_path, tickets=24, kills=3)
    assert told["kills"] == 3
    assert told["rebuilt"] > 0
    assert told["same"]
    assert told["calm_paid_once"]
    assert all(told["same_bought"].values())
    for summaries, texts in told["unkept"]:
        assert summaries <= CONCURRENCY
        assert texts <= TEXTS_A_CALL
    assert told["summaries_twice"] <= sum(summaries for summaries, _ in told["unkept"])
    assert told["texts_twice"] <= sum(texts for _, texts in told["unkept"])
    for purpose, path in (("summary", CHAT), ("embed_document", EMBED)):
        # A call that was answered to a process that was dead by then is in no book.
        calls, cost = told["booked"][purpose]
        calm_calls, calm_cost = told["calm_booked"][purpose]
        assert calls <= told["calls"][path]
        assert cost >= calm_cost * 0.999
        assert cost <= calm_cost * told["calls"][path] / min(calls, calm_calls) * 2
