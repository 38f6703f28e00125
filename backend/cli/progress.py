"""Following a run: a live bar on a terminal, plain lines in a pipe, nothing but the result with --json."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from backend.cli.errors import CliError, Exit, exit_for
from backend.cli.session import Session

ENDED: Final = frozenset({"completed", "failed", "canceled"})
_LINE_SECONDS: Final = 2.0
_WIDE: Final = 120


class _Display(Protocol):
    def show(self, run: dict[str, Any]) -> None:
        """Tell how the run goes now."""
        ...


def follow_run(session: Session, run_id: str) -> dict[str, Any]:
    """Show a run until it ends, and return it as it ended. A broken stream is taken up again while the server answers."""
    run: dict[str, Any] = session.client.get(f"/runs/{run_id}")
    with _display(session) as display:
        while run["state"] not in ENDED:
            for event in session.client.events("GET", f"/runs/{run_id}/events"):
                if isinstance(event.data, dict) and event.data.get("run_id") == run_id:
                    run = event.data
                    display.show(run)
            run = session.client.get(f"/runs/{run_id}")
        display.show(run)
    return run


def check_ended_well(run: dict[str, Any]) -> None:
    """Raise CliError for a run that failed or was canceled."""
    if run["state"] == "failed":
        code = run.get("error_code") or "run_failed"
        raise CliError(exit_for(code), f"Run {run['run_id']} failed: {run.get('error_message') or code}", code=code, details=run)
    if run["state"] == "canceled":
        raise CliError(Exit.FAILED, f"Run {run['run_id']} was canceled.", code="run_canceled", details=run)


def describe(run: dict[str, Any]) -> str:
    """One line of figures: what was taken, how fast, how long still, and what the helpdesk's API has left."""
    counts, progress = run["counts"], run["progress"]
    words = [f"{progress['done']}/{progress['total']} documents" if progress["total"] else f"{progress['done']} documents"]
    if (rate := progress["rate"]) is not None:
        words.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
    if progress["eta_seconds"] is not None:
        words.append(f"{_duration(progress['eta_seconds'])} left")
    # After how fast and how long: the end of the line is what a narrow terminal cuts off.
    words += [f"{counts[name]} {name}" for name in ("listed", "unchanged", "deleted", "held", "failed") if counts.get(name)]
    if counts.get("waiting_for_budget"):
        words.append(f"{counts['waiting_for_budget']} wait for the budget")
    if counts.get("api_calls"):
        budget = f", {counts['api_remaining']} of {counts['api_limit']} left" if counts.get("api_remaining") is not None else ""
        words.append(f"API {counts['api_calls']} calls{budget}")
    if counts.get("api_waited_seconds", 0) >= 1:
        words.append(f"waited {_duration(counts['api_waited_seconds'])} for the quota")
    if counts.get("api_waiting_for") and run["state"] == "running":
        words.append(_waiting(counts))
    return " · ".join(words)


def _waiting(counts: dict[str, Any]) -> str:
    what = "as the helpdesk asked" if counts["api_waiting_for"] == "pause" else f"for the quota {counts['api_waiting_for']}"
    seconds = counts.get("api_waiting_seconds", 0)
    return f"waiting {what}" + (f", {_duration(seconds)} more" if seconds >= 1 else "")


class _Lines:
    """For a pipe: one line every two seconds, and one for each new phase."""

    def __init__(self, session: Session) -> None:
        self._output = session.output
        self._told: tuple[str, str] = ("", "")
        self._at = 0.0

    def show(self, run: dict[str, Any]) -> None:
        phase = (run["state"], run.get("phase") or "")
        if phase == self._told and time.monotonic() - self._at < _LINE_SECONDS:
            return
        self._told, self._at = phase, time.monotonic()
        self._output.text(f"  {_phase(run):<12} {describe(run)}")


class _Bar:
    """For a terminal: one bar that moves."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, figures="")

    def show(self, run: dict[str, Any]) -> None:
        done, total = run["progress"]["done"], run["progress"]["total"]
        self._progress.update(self._task, description=_phase(run), completed=done, total=total, figures=describe(run))


class _Nothing:
    """For --json: the result says it all."""

    def show(self, run: dict[str, Any]) -> None:
        """Show nothing."""


@contextmanager
def _display(session: Session) -> Iterator[_Display]:
    if session.output.as_json:
        yield _Nothing()
    elif not session.output.live:
        yield _Lines(session)
    else:
        console = session.output.console
        columns = (
            TextColumn("{task.description:<12}", table_column=Column(no_wrap=True, min_width=12)),
            BarColumn(bar_width=24 if console.width >= _WIDE else 8),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
        )
        with Progress(*columns, console=console) as progress:
            yield _Bar(progress)


def _phase(run: dict[str, Any]) -> str:
    return (run.get("phase") or run["state"]) if run["state"] == "running" else str(run["state"])


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
