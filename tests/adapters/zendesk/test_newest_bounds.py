"""What the newest of a first sync may cost at most: pages of the window, pages and tickets of a look at the head."""

from datetime import UTC, datetime

from backend.adapters.zendesk import newest, walk
from backend.adapters.zendesk.fields import Record

DAY = 86_400


def _rows(count: int, *, at: int, born: int = 0) -> list[Record]:
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    made = datetime.fromtimestamp(born or at, UTC).isoformat()
    return [{"id": number, "status": "open", "generated_timestamp": at, "updated_at": stamp, "created_at": made} for number in range(count)]


def test_a_window_ends_after_so_many_pages() -> None:
    state = newest.begin(1_000 * DAY)
    for page in range(newest.MOST_PAGES):
        assert state.window is not None
        body = {"after_cursor": str(page), "end_of_stream": False}
        state = newest.in_window(state, state.window, _rows(3, at=990 * DAY), body, more=False).then
    assert state.window is None
    assert newest.known_from(state) is None, "the walk through everything reads the events of all"


def test_a_window_is_made_to_fit() -> None:
    state = newest.begin(1_000 * DAY)
    assert state.window is not None
    tickets = [*_rows(1, at=940 * DAY), *_rows(1, at=942 * DAY)]
    body = {"tickets": tickets, "after_cursor": "x", "end_of_stream": False}
    nearer = newest.fitted(state, state.window, body)
    assert nearer is not None
    assert nearer.window == walk.Place(since=980 * DAY)
    assert newest.fitted(nearer, nearer.window, body) is None
    assert newest.fitted(state, state.window, body | {"end_of_stream": True}) is None


def test_a_look_at_the_head_names_so_many_and_reads_so_many_pages() -> None:
    now = 1_000 * DAY
    state = newest.turn(newest.Newest(began=now, asked=now), now + newest.HEAD_SECONDS)
    named: list[int] = []
    while state.at_head:
        body = {"after_cursor": str(len(named)), "end_of_stream": False}
        step = newest.at_head(state, _rows(60, at=now), body, more=False, now=now + 130.0)
        named, state = [*named, len(step.rows)], step.then
    assert named == [60, newest.MOST_AT_HEAD - 60, 0, 0, 0]
    assert state.left == 5 * 60 - newest.MOST_AT_HEAD
    assert not newest.turn(state, now + 131.0).at_head
