"""How the ticket export is walked: where a walk stands, and what of a page is still to be named. Pure functions."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from backend.adapters.zendesk.fields import Record, generated, ident, text


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a walk through the export stands. Times are epoch seconds."""

    since: int = 0
    after: str = ""
    """The vendor's cursor; empty at the beginning of a walk."""
    mark: str = ""
    """The last ticket named of this page; empty: none."""
    mark_at: int = 0
    newest: int = 0
    """The last row seen in this run."""


P = TypeVar("P", bound=Place)


def behind(rows: list[Record], place: Place) -> list[Record]:
    """The rows of a page that were not named yet. A ticket that changed since is further on: then its time tells the place."""
    if not place.mark:
        return rows
    at = next((n for n, row in enumerate(rows) if ident(row, "id") == place.mark), None)
    if at is not None:
        return rows[at + 1 :]
    return [row for row in rows if generated(row) >= place.mark_at]


def following(body: Record, after: str) -> str:
    """The cursor of the next page; empty where there is none. Caught up, it is null; one that leads to itself would do so for ever."""
    found = text(body, "after_cursor")
    return found if found != after and body.get("end_of_stream") is not True else ""


def marked(place: P, row: Record) -> P:
    """The place behind a row of its page."""
    return msgspec.structs.replace(place, mark=ident(row, "id") or place.mark, mark_at=generated(row))


def advance(place: P, piece: list[Record], body: Record, *, more: bool) -> tuple[P, bool]:
    """Where to go on behind a piece of a page, and whether that was the end; with `more` the page has rows behind the piece."""
    place = msgspec.structs.replace(place, newest=max([place.newest, *map(generated, piece)]))
    if more:
        return marked(place, piece[-1]), False
    after = following(body, place.after)
    return (msgspec.structs.replace(place, after=after, mark="", mark_at=0), False) if after else (place, True)
