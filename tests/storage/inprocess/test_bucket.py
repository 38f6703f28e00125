"""One quota: answers that overtake each other, windows that end, and figures that make no sense."""

import random

import pytest

from backend.core.model.quota import ACCOUNT, Lane, Reading
from backend.storage.inprocess.budget.bucket import Bucket, Mark


def reading(remaining: int, limit: int = 100, resets_in: float | None = None) -> Reading:
    """What an answer tells."""
    return Reading(bucket=ACCOUNT, limit=limit, remaining=remaining, resets_in=resets_in)


def bucket(remaining: int = 100, limit: int = 100, *, share: float = 0.0) -> Bucket:
    """A bucket whose first answer came at the time 0."""
    made = Bucket(ACCOUNT, limit, share=share)
    made.learn(reading(remaining, limit), 0.0)
    return made


def left(of: Bucket, now: float = 1.0) -> int:
    """Credits it knows to be left."""
    return of.look(now).remaining


@pytest.mark.parametrize("seed", range(20))
def test_answers_in_any_order_add_up(seed: int) -> None:
    rng = random.Random(seed)
    one, counted, answers = bucket(), 0, list[tuple[Mark, int]]()
    while counted < 60:
        if rng.random() < 0.5:
            counted += 1
            answers.append((one.take(1), counted))
        elif answers:
            mark, at = answers.pop(rng.randrange(len(answers)))
            one.settle(mark, 1, 1, reading(100 - at), 1.0)
    for mark, at in answers:
        one.settle(mark, 1, 1, reading(100 - at), 1.0)
    assert left(one) == 40
    assert not one.drips


def test_what_others_spend_is_seen() -> None:
    one = bucket()
    one.settle(one.take(1), 1, 1, reading(70), 1.0)
    assert left(one) == 70
    one.settle(one.take(3), 3, 5, reading(60), 2.0)
    assert left(one) == 60


def test_a_call_on_its_way_is_spent_already() -> None:
    one = bucket(3)
    one.take(2)
    assert one.wait(2, Lane.LIVE, 1.0) == pytest.approx(59.0)
    assert one.wait(1, Lane.LIVE, 1.0) == 0.0


def test_an_early_new_window_is_noticed() -> None:
    one = bucket(10)
    one.settle(one.take(1), 1, 1, reading(99), 20.0)
    assert left(one) == 99
    assert one.resets_at == pytest.approx(80.0)


def test_an_answer_of_the_window_before_changes_nothing_in_the_new_one() -> None:
    one = bucket(20)
    late = one.take(5)
    one.settle(one.take(1), 1, 1, reading(99), 20.0)
    one.settle(late, 5, 5, reading(15), 20.1)
    assert left(one) == 99


def test_after_a_window_one_call_looks_before_many_follow() -> None:
    one = bucket(0)
    assert one.wait(1, Lane.BACKFILL, 59.0) == pytest.approx(1.0)
    assert one.wait(8, Lane.BACKFILL, 60.0) == 0.0
    mark = one.take(8)
    assert one.wait(8, Lane.BACKFILL, 60.1) == float("inf")
    assert one.wait(8, Lane.LIVE, 60.1) == 0.0
    one.settle(mark, 8, 8, reading(92), 60.2)
    assert one.wait(8, Lane.BACKFILL, 60.3) == 0.0


def test_a_vendor_that_tells_when_it_resets_is_believed() -> None:
    one = bucket(0)
    one.learn(reading(0, resets_in=7.0), 1.0)
    assert one.wait(1, Lane.LIVE, 1.0) == pytest.approx(7.0)


def test_lanes_leave_something_to_those_before_them() -> None:
    waits = [bucket(30, share=0.2).wait(1, lane, 0.0) for lane in Lane]
    assert waits == sorted(waits)
    assert waits[0] == 0.0
    assert waits[-1] > 20.0
    assert bucket(30, share=0.2).wait(1, Lane.BACKFILL, 59.5) == 0.0, "what would be lost is spent"


def test_a_call_dearer_than_the_bucket_is_the_vendors_to_judge() -> None:
    assert bucket(3, 3).wait(7, Lane.BACKFILL, 0.0) == 0.0


def test_a_refusal_empties_it_for_as_long_as_told_and_a_long_one_shows_a_long_window() -> None:
    one = bucket()
    one.refuse(1800.0, 0.0)
    assert one.wait(1, Lane.LIVE, 1.0) == pytest.approx(1799.0)
    assert one.wait(1, Lane.LIVE, 1800.0) == 0.0
    one.settle(one.take(1), 1, 1, reading(99), 1800.0)
    assert one.resets_at == pytest.approx(1800.0 + 3600.0)


@pytest.mark.parametrize("remaining", [-5, 0, 100, 1000])
def test_figures_that_make_no_sense_do_no_harm(remaining: int) -> None:
    one = bucket(remaining, 0)
    for at in range(1, 200):
        if one.wait(1, Lane.BACKFILL, float(at)) == 0.0:
            one.settle(one.take(1), 1, 1, reading(remaining, 0), float(at))
    assert one.look(500.0).remaining >= 0
