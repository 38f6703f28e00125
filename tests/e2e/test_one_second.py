"""More tickets of one second than Freshdesk's pages hold are all found, each once; at full scale: `python -m tests.e2e.one_second`."""

from pathlib import Path

from tests.e2e.one_second import trial


async def test_more_tickets_of_one_second_than_pages_hold_are_all_found(tmp_path: Path) -> None:
    told = await trial(tmp_path, tickets=260, page_cap=2)
    assert told["live"] > 200
    assert (told["missing"], told["twice"], told["first"]["failed"]) == (0, 0, 0)
    # A view of each, and a few pages of the list: twice, for what changed meanwhile is asked for at the end.
    assert told["first"]["view_calls"] == told["live"] == told["first"]["stored"]
    assert told["first"]["list_calls"] < 25
    assert told["again"]["stored"] == told["again"]["view_calls"] == 0
