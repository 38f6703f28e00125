"""What a run shows: figures, pace, and how much is left."""

from typing import Any

import pytest

from backend.cli.errors import CliError, Exit
from backend.cli.progress import check_ended_well, describe


def _run(state: str = "running", phase: str = "tickets", progress: dict[str, Any] | None = None, **counts: int | None) -> dict[str, Any]:
    zero: dict[str, int | None] = {"listed": 0, "unchanged": 0, "stored": 0, "deleted": 0, "failed": 0, "processed": 0, "to_process": 0}
    zero |= {"expected": None, "api_calls": 0, "api_remaining": None, "api_limit": None}
    told = {"done": counts.get("processed", 0), "total": None, "rate": None, "eta_seconds": None} | (progress or {})
    errors = {"error_code": None, "error_message": ""}
    return {"run_id": "run_1", "state": state, "phase": phase, "counts": zero | counts, "progress": told, **errors}


def test_a_line_has_counts_rate_rest_and_the_api_budget() -> None:
    progress = {"done": 10, "total": 200, "rate": 12.5, "eta_seconds": 15.2}
    run = _run(progress=progress, listed=30, failed=2, api_calls=41, api_remaining=159, api_limit=200)
    assert describe(run) == "10/200 documents · 12/s · 15 s left · 30 listed · 2 failed · API 41 calls, 159 of 200 left"
    assert describe(_run(progress={"done": 1, "rate": 0.25, "eta_seconds": 7200.0})) == "1 documents · 0.2/s · 2.0 h left"


def test_what_the_server_can_not_say_is_left_out() -> None:
    assert describe(_run(state="completed", processed=5)) == "5 documents"


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
    assert describe(run).endswith("0 of 80 left · waited 75 s for the quota · waiting for the quota tickets:80, 12 s more")
    run["counts"] |= {"api_waiting_for": "pause", "api_waiting_seconds": 0.0}
    assert describe(run).endswith("waiting as the helpdesk asked")
    assert "waiting" not in describe(run | {"state": "completed"})
