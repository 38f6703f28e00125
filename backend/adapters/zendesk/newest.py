"""A first sync begins with the newest: before the walk through everything, and beside it. Pure functions.

    ever                         60 days       now
      |                             |<- window ->|        first: what changed lately, as far as some pages reach
      |<----------------- all ------------------>|        then the walk that names everything, window or not
                                                 |<-->    beside it the head, every few minutes: what changed meanwhile

The window only hurries. The walk through everything stays as it was, and meets what the window named in the same version,
which costs nothing. So the window may leave out what is dear: tickets whose rows the system generated anew and nobody changed
(a bulk edit may be the whole account), and, beyond some, tickets older than the events that are read for it. All of it is
JSON in the cursor. See docs/decisions/0057-zendesk-newest-first.md.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from backend.adapters.zendesk import walk
from backend.adapters.zendesk.fields import Record, generated, moment, records, seconds, text
from backend.adapters.zendesk.normalize import gone_as

_DAY: Final = 86_400
_WINDOW: Final = 60 * _DAY
_LEAD: Final = 14 * _DAY
"""The events of the window are read from so long before it: comments of tickets that were made then and changed in it."""
_FITTING: Final = 10
"""Pages that the window is made to fit in: of an account that changes more than that in it, it is the last days."""
MOST_PAGES: Final = 20
"""Of the window, whatever its first page promised; the walk through everything has the rest."""
MOST_OLD: Final = 250
"""Tickets older than the window's events, which cost a call each."""
HEAD_SECONDS: Final = 120.0
"""How long changes may wait while older rows are read."""
_CLOCK: Final = 600
"""Seconds that our clock may be ahead of Zendesk's."""
_HEAD_PAGES: Final = 5
MOST_AT_HEAD: Final = 100
"""Tickets of one look at the head: each is a call of its own."""
_FEW_LEFT: Final = 50


class Newest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a first sync is with the newest. Times are epoch seconds."""

    began: int = 0
    """0: it isn't known yet whether there is more than a page."""
    window: walk.Place | None = None
    """In the window; None: it is done."""
    pages: int = 0
    """Pages of it that were read."""
    old: int = 0
    """Tickets named that are older than its events."""
    left: int = 0
    """Rows that were seen and left to the walk through everything."""
    floor: int = 0
    """All rows generated from here on were named, but for those left; 0: the window was not finished."""
    head: walk.Place = walk.Place()
    at_head: bool = False
    looked: int = 0
    """Pages of this look at the head."""
    told: int = 0
    """Tickets named in this look."""
    asked: float = 0.0
    """When the last look ended, or the window began."""


class Step(Struct, frozen=True, kw_only=True):
    """What a piece of a page came to: the rows to name, and where to go on."""

    rows: Sequence[Record] = ()
    then: Newest


def begin(now: int) -> Newest:
    """There is more than a page. Times are ours."""
    return Newest(began=now, window=walk.Place(since=now - _WINDOW), head=walk.Place(since=now - _CLOCK), asked=now)


def turn(state: Newest, now: float) -> Newest:
    """The state with the head's turn begun, if its time has come. It has none before the window is done."""
    if state.at_head or state.window is not None or now - state.asked < HEAD_SECONDS:
        return state
    return msgspec.structs.replace(state, at_head=True, looked=0, told=0)


def origin_of(window: walk.Place) -> int:
    """Where the events of the window begin."""
    return window.since - _LEAD


def from_events(window: walk.Place, rows: Sequence[Record]) -> list[Record]:
    """Of rows of the window those that are named and whose comments are among its events."""
    return [row for row in rows if _is_lately(row, window.since) and _born(row) >= origin_of(window)]


def fitted(state: Newest, window: walk.Place, body: Record) -> Newest | None:
    """The state with a window that its pages can hold; None where this one does, as far as its first page tells."""
    rows = records(body, "tickets")
    if state.pages or window.mark or not rows or not walk.following(body, window.after):
        return None
    since = state.began - max(_DAY, _FITTING * (generated(rows[-1]) - generated(rows[0])))
    return msgspec.structs.replace(state, window=walk.Place(since=since), pages=1) if since > window.since + _DAY else None


def in_window(state: Newest, window: walk.Place, piece: list[Record], body: Record, *, more: bool) -> Step:
    """Take a piece of the page at the window's place."""
    named: list[Record] = []
    old, origin = state.old, origin_of(window)
    for row in piece:
        is_old = _born(row) < origin
        if _is_lately(row, window.since) and not (is_old and old >= MOST_OLD):
            named.append(row)
            old += is_old
    then, last = walk.advance(window, piece, body, more=more)
    state = _left(msgspec.structs.replace(state, window=then, old=old, pages=state.pages + (not more)), piece, named)
    if last:
        state = msgspec.structs.replace(state, window=None, floor=window.since, head=_behind(window, piece, body))
    elif not more and state.pages >= MOST_PAGES:
        state = msgspec.structs.replace(state, window=None)
    return Step(rows=named, then=state)


def at_head(state: Newest, piece: list[Record], body: Record, *, more: bool, now: float) -> Step:
    """Take a piece of the page at the head's place."""
    named = [row for row in piece if _is_lately(row, state.began - _CLOCK)][: MOST_AT_HEAD - state.told]
    then, last = walk.advance(state.head, piece, body, more=more)
    head = _behind(state.head, piece, body) if last else then
    looked = state.looked + (not more)
    state = _left(msgspec.structs.replace(state, head=head, looked=looked, told=state.told + len(named)), piece, named)
    if last or looked >= _HEAD_PAGES:
        state = msgspec.structs.replace(state, at_head=False, asked=now)
    return Step(rows=named, then=state)


def known_from(state: Newest) -> int | None:
    """From which row on the walk through everything finds nearly all named: then events are not read for its sake. None: from none on."""
    return state.floor if state.floor and state.left <= _FEW_LEFT else None


def _left(state: Newest, seen: Sequence[Record], named: Sequence[Record]) -> Newest:
    """The state with the tickets counted that were seen and not named."""
    return msgspec.structs.replace(state, left=state.left + sum(gone_as(row) is None for row in seen) - len(named))


def _behind(place: walk.Place, piece: list[Record], body: Record) -> walk.Place:
    """Behind the last row there is: where the next look goes on."""
    if after := text(body, "after_cursor"):
        return walk.Place(since=place.since, after=after)
    return walk.marked(place, piece[-1]) if piece else place


def _is_lately(row: Record, since: int) -> bool:
    """Whether a ticket is there and somebody changed it lately: of tickets nobody touched the system generates rows anew too."""
    return gone_as(row) is None and seconds(moment(row, "updated_at")) >= since


def _born(row: Record) -> int:
    return seconds(moment(row, "created_at"))
