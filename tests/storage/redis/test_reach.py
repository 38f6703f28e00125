"""One call in some seconds finds out whether Redis is there again; nobody else waits for it."""

from backend.storage.redis.connection import AWAY_SECONDS, Reach


def test_while_redis_hangs_one_call_at_a_time_waits_for_it() -> None:
    now = 0.0
    reach = Reach(lambda: now)
    assert [reach.asks() for _ in range(3)] == [True] * 3
    reach.failed()
    assert not reach.asks()
    for _ in range(3):
        now += AWAY_SECONDS
        assert [reach.asks() for _ in range(3)] == [True, False, False], "one finds out, and the others go on without"
    now += AWAY_SECONDS - 0.1
    reach.failed()
    now += 0.2
    assert not reach.asks(), "counted from when it was given up"
    now += AWAY_SECONDS
    assert reach.asks()
    reach.answered()
    assert [reach.asks() for _ in range(3)] == [True] * 3
