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
