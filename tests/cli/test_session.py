"""Reading lists page by page."""

from typing import Any, cast

from backend.cli.client import ApiClient
from backend.cli.output import Output
from backend.cli.session import Session, read_pages


class _Server:
    """Ten items, as a server gives them out."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str | None]] = []

    def get(self, path: str, *, limit: int, after: str | None, **query: str) -> dict[str, Any]:
        assert (path, query) == ("/runs", {"connection_id": "conn_1"})
        self.asked.append((limit, after))
        first = int(after or 0)
        rest = first + limit < 10
        return {"items": [*range(first, min(10, first + limit))], "next": str(first + limit) if rest else None, "total": 10}


def _read(limit: int, after: str | None, *, every: bool) -> tuple[dict[str, Any], list[tuple[int, str | None]]]:
    server = _Server()
    session = Session(cast("ApiClient", server), Output(as_json=True))
    return read_pages(session, "/runs", limit=limit, after=after, every=every, connection_id="conn_1"), server.asked


def test_one_page_tells_where_the_next_one_begins() -> None:
    assert _read(4, None, every=False) == ({"items": [0, 1, 2, 3], "next": "4", "total": 10}, [(4, None)])
    assert _read(4, "8", every=False)[0] == {"items": [8, 9], "next": None, "total": 10}


def test_every_page_is_read_from_where_one_begins() -> None:
    page, asked = _read(4, "2", every=True)
    assert page == {"items": [2, 3, 4, 5, 6, 7, 8, 9], "next": None, "total": 10}
    assert asked == [(4, "2"), (4, "6")]
