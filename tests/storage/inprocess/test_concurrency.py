"""How many calls run at once follows how the vendor is doing."""

from backend.storage.inprocess.budget.concurrency import Concurrency


def test_a_strained_vendor_gets_fewer_calls_and_more_again_when_it_is_well() -> None:
    calls = Concurrency(10)
    calls.strained(0.0)
    assert int(calls.allowed) == 7
    calls.strained(0.5)
    assert int(calls.allowed) == 7, "one bad moment counts once"
    for second in range(1, 30):
        calls.strained(float(second))
    assert calls.allowed == 1.0
    for _ in range(200):
        calls.answered("view", 0.1, 100.0)
    assert calls.allowed == 10.0


def test_slow_is_what_takes_much_longer_than_its_route_can() -> None:
    calls = Concurrency(10)
    for _ in range(20):
        calls.answered("export", 8.0, 0.0)
        calls.answered("view", 0.2, 0.0)
    assert calls.allowed == 10.0, "a slow route is not a slow vendor"
    calls.answered("view", 5.0, 1.0)
    assert calls.allowed == 10.0, "one slow answer says little"
    for _ in range(20):
        calls.answered("view", 0.9, 2.0)
    assert calls.allowed == 10.0, "below a second nobody minds"
    for _ in range(3):
        calls.answered("view", 5.0, 3.0)
    assert int(calls.allowed) == 7


def test_people_find_room_beyond_the_limit() -> None:
    calls = Concurrency(2)
    calls.running = 2
    assert not calls.has_room(live=False)
    assert calls.has_room(live=True)
    calls.running = 4
    assert not calls.has_room(live=True)


def keep_busy(calls: Concurrency, answers: int, *, seconds: float = 0.05, now: float = 100.0) -> None:
    """Answers that come while as many calls run as are allowed."""
    for _ in range(answers):
        calls.running = int(calls.allowed) - 1
        calls.answered("view", seconds, now)


def test_more_at_once_are_tried_out_while_the_vendor_keeps_up() -> None:
    calls = Concurrency(24)
    assert int(calls.allowed) == 10
    keep_busy(calls, 14)
    assert calls.allowed == 24.0, "until the first trouble it rises with every answer"
    keep_busy(calls, 5)
    assert calls.allowed == 24.0, "and never beyond the limit"
    calls.strained(1.0)
    assert int(calls.allowed) == 16
    keep_busy(calls, 16)
    assert int(calls.allowed) == 17, "after trouble by one in the time of a call"


def test_what_is_not_used_tells_nothing_of_more() -> None:
    calls = Concurrency(24)
    for _ in range(50):
        calls.running = 3
        calls.answered("view", 0.05, 1.0)
    assert int(calls.allowed) == 10


def test_where_answers_get_slower_more_would_only_wait() -> None:
    calls = Concurrency(24)
    calls.answered("view", 0.2, 0.0)
    for _ in range(40):
        calls.answered("view", 0.6, 0.0)
    keep_busy(calls, 20, seconds=0.6)
    assert int(calls.allowed) == 10


def test_a_small_quota_is_never_on_its_way_at_once() -> None:
    calls = Concurrency(24)
    calls.running = 9
    assert not calls.is_much([200, 5])
    calls.running = 10
    assert calls.is_much([200])
    assert not calls.is_much([400])
    calls.running = 20
    assert calls.is_much([1_000, 400])
    assert not calls.is_much([])
