"""What a run shows: figures, pace, and how much is left."""

from typing import Any

import pytest

from backend.cli.errors import CliError, Exit
from backend.cli.progress import Pace, check_ended_well, describe, progress_of


def _run(state: str = "running", phase: str = "tickets", **counts: int | None) -> dict[str, Any]:
    zero: dict[str, int | None] = {"listed": 0, "unchanged": 0, "stored": 0, "deleted": 0, "failed": 0, "processed": 0, "to_process": 0}
    zero |= {"expected": None, "api_calls": 0, "api_remaining": None, "api_limit": None}
    return {"run_id": "run_1", "state": state, "phase": phase, "counts": zero | counts, "error_code": None, "error_message": ""}


def test_while_the_listing_is_read_the_total_is_what_the_platform_names() -> None:
    assert progress_of(_run(listed=30, processed=10, unchanged=5, to_process=15)) == (15, None)
    assert progress_of(_run(listed=30, processed=10, expected=200)) == (10, 200)


def test_when_all_is_read_the_total_is_what_there_is_to_do() -> None:
    assert progress_of(_run(phase="processing", processed=300, unchanged=20, to_process=80)) == (320, 400)
    assert progress_of(_run(state="completed", phase="", processed=380, unchanged=20, expected=200)) == (400, 400)


def test_a_total_is_never_less_than_what_is_done() -> None:
    assert progress_of(_run(processed=12, expected=10)) == (12, 12)


def test_pace_and_rest_are_measured_since_the_first_look() -> None:
    pace = Pace()
    assert pace.measure(100, 500, now=10.0) == (None, None)
    assert pace.measure(100, 500, now=11.0) == (None, None)
    assert pace.measure(200, 500, now=12.0) == (50.0, 6.0)
    assert pace.measure(200, None, now=12.0) == (50.0, None)


def test_a_line_has_counts_rate_rest_and_the_api_budget() -> None:
    run = _run(listed=30, processed=10, expected=200, failed=2, api_calls=41, api_remaining=159, api_limit=200)
    assert describe(run, 12.5, 15.2) == "10/200 documents · 12/s · 15 s left · 30 listed · 2 failed · API 41 calls, 159 of 200 left"
    assert describe(_run(processed=1), 0.25, 7200.0) == "1 documents · 0.2/s · 2.0 h left"


def test_an_ended_run_has_nothing_left() -> None:
    assert "left" not in describe(_run(state="completed", processed=5), 3.0, 0.0)


def test_a_failed_run_is_told_with_its_reason() -> None:
    run = _run(state="failed") | {"error_code": "source_credentials_rejected", "error_message": "Give a new key."}
    with pytest.raises(CliError, match="Give a new key") as caught:
        check_ended_well(run)
    assert caught.value.exit_code is Exit.UPSTREAM


def test_a_canceled_run_is_a_failure_and_a_completed_one_is_not() -> None:
    check_ended_well(_run(state="completed"))
    with pytest.raises(CliError, match="canceled"):
        check_ended_well(_run(state="canceled"))


def test_a_line_tells_what_is_waited_for() -> None:
    waiting: dict[str, Any] = {"api_calls": 41, "api_remaining": 0, "api_limit": 80, "api_waited_seconds": 75.0}
    run = _run(processed=1, **waiting)
    run["counts"] |= {"api_waiting_for": "tickets:80", "api_waiting_seconds": 12.4}
    assert describe(run, None, None).endswith("0 of 80 left · waited 75 s for the quota · waiting for the quota tickets:80, 12 s more")
    run["counts"] |= {"api_waiting_for": "pause", "api_waiting_seconds": 0.0}
    assert describe(run, None, None).endswith("waiting as the helpdesk asked")
    assert "waiting" not in describe(run | {"state": "completed"}, None, None)
