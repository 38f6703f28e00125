"""Comments wait in memory or in a file, and come back as they went in."""

from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.zendesk.spool import Spool


def comment(number: int, words: str) -> dict[str, object]:
    return {"id": number, "html_body": words, "created_at": "2026-07-20T22:55:29Z", "data": None}


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5), st.text(max_size=40)), max_size=30), st.sampled_from([0, 50, 10_000]))
def test_what_goes_in_comes_out_once(puts: list[tuple[int, int, str]], in_memory: int) -> None:
    spool = Spool(in_memory)
    wanted: dict[str, dict[str, dict[str, object]]] = {}
    for ticket, number, words in puts:
        spool.put(str(ticket), str(number), comment(number, words))
        wanted.setdefault(str(ticket), {})[str(number)] = comment(number, words)
    for ticket_id in ("1", "2", "3"):
        assert spool.take(ticket_id) == list(wanted.get(ticket_id, {}).values())
        assert spool.take(ticket_id) == []
    spool.close()


def test_closing_forgets_and_it_may_be_used_again() -> None:
    spool = Spool(0)
    spool.put("1", "1", comment(1, "가나다"))
    spool.close()
    assert spool.take("1") == []
    spool.put("1", "2", comment(2, "라마바"))
    assert spool.take("1") == [comment(2, "라마바")]
    spool.close()
