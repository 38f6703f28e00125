"""How far a run is, at what pace, and how much is left: the same for everybody who asks."""

from datetime import timedelta

from msgspec.structs import replace

from backend.core.model.pace import PROCESSING, STEP_SECONDS, WINDOW_SECONDS, Mark, Progress, marked, progress_at
from backend.core.model.sync import Rebuilt, Run, RunCounts, RunMode, RunOptions, RunState
from tests.contract.records import START


def _run(**counts: int | None) -> Run:
    return Run(
        run_id="run_1",
        connection_id="conn_1",
        state=RunState.RUNNING,
        options=RunOptions(),
        counts=RunCounts(**counts),  # type: ignore[arg-type]  # the names are those of its fields
        phase="tickets",
        created_at=START,
    )


def _at(seconds: float, done: int) -> Mark:
    return Mark(START + timedelta(seconds=seconds), done)


def test_while_the_listing_is_read_the_total_is_what_the_platform_names() -> None:
    assert _run(listed=30, processed=10, unchanged=5, to_process=15).progress == Progress(done=15, total=None)
    assert _run(listed=30, processed=10, expected=200).progress == Progress(done=10, total=200)


def test_when_all_is_read_the_total_is_what_there_is_to_do() -> None:
    reading = _run(processed=300, unchanged=20, to_process=80, expected=200)
    assert replace(reading, phase=PROCESSING).progress == Progress(done=320, total=400)
    ended = replace(_run(processed=380, unchanged=20, expected=200), state=RunState.COMPLETED, phase="")
    assert ended.progress == Progress(done=400, total=400)


def test_a_total_is_never_less_than_what_is_done() -> None:
    assert _run(processed=12, expected=10).progress == Progress(done=12, total=12)


def test_what_a_dry_rebuild_found_counts_as_done() -> None:
    options = RunOptions(mode=RunMode.REBUILD, dry_run=True)
    assert replace(_run(unchanged=3, expected=9), options=options, rebuilt=Rebuilt(changed=2)).progress == Progress(done=5, total=9)


def test_what_has_only_begun_to_move_has_no_pace_yet() -> None:
    assert progress_at((_at(0, 0), _at(4, 0)), 64, 400) == Progress(done=64, total=400)
    assert progress_at((_at(0, 64), _at(4, 64)), 64, 400) == Progress(done=64, total=400, rate=0.0), "and what stands still has one"


def test_the_pace_is_that_between_the_marks_and_says_how_long_the_rest_takes() -> None:
    marks = (_at(0, 100), _at(4, 120), _at(8, 300))
    assert progress_at(marks, 310, 560) == Progress(done=310, total=560, rate=25.0, eta_seconds=10.0)
    assert progress_at(marks, 310, None) == Progress(done=310, total=None, rate=25.0)


def test_what_can_not_be_said_is_none() -> None:
    assert progress_at((), 5, 10) == progress_at((_at(0, 5),), 5, 10) == Progress(done=5, total=10)
    still = progress_at((_at(0, 5), _at(30, 5)), 5, 10)
    assert (still.rate, still.eta_seconds) == (0.0, None), "nothing moves: nobody knows for how long"


def test_only_a_run_that_is_running_has_a_pace() -> None:
    run = replace(_run(processed=10, expected=40), marks=(_at(0, 0), _at(10, 10)))
    assert (run.progress.rate, run.progress.eta_seconds) == (1.0, 30.0)
    for state in (RunState.WAITING, RunState.COMPLETED, RunState.FAILED, RunState.CANCELED):
        assert replace(run, state=state).progress.rate is None, state


def test_marks_are_of_the_last_while_and_not_too_many() -> None:
    marks: tuple[Mark, ...] = ()
    for tenth in range(3000):
        marks = marked(marks, START + timedelta(seconds=tenth / 10), tenth)
    assert (marks[-1].at - marks[0].at).total_seconds() <= WINDOW_SECONDS
    assert len(marks) <= WINDOW_SECONDS / STEP_SECONDS + 1
    assert progress_at(marks, 3000, None).rate == 10.0


def test_marks_of_a_clock_that_was_set_back_are_dropped() -> None:
    assert marked((_at(50, 5),), START, 6) == (Mark(START, 6),)
