"""A first sync begins with the newest: before the walk through everything, and beside it. Pure functions.

    ever            90 days        14 days     now
      |                |<---- 2 ----->|<-- 1 -->|        windows: what changed lately, named at once, in as many pages as are allowed
      |<----------------- all ----------------->|        the walk that names everything, windows or not
                                                |<-->    the head, every few minutes: what changed meanwhile

The windows only hurry. The walk through everything stays as it was, and meets what they named in the same version, which
costs nothing. So they may leave out what is dear: tickets whose row the system generated anew and nobody changed (a bulk edit
may be the whole account), and, beyond some, tickets older than the events that are read for the window. All of it is JSON
in the cursor. See docs/decisions/0057-zendesk-newest-first.md.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from backend.adapters.zendesk import walk
from backend.adapters.zendesk.fields import Record, generated, moment, records, seconds, text
from backend.adapters.zendesk.normalize import gone_as

_DAY: Final = 86_400
_WINDOWS: Final = (14 * _DAY, 90 * _DAY)
_LEAD: Final = 14 * _DAY
"""The events of a window are read from so long before it: comments of tickets that were made then and changed in it."""
MOST_PAGES: Final = 20
"""Of all windows together; the walk through everything has the rest."""
_FITTING: Final = 15
"""Pages that the first window is made to fit in: of an account that changes more in it, it is the last days."""
MOST_OLD: Final = 250
"""Tickets older than their window's events, which cost a call each."""
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
    """In the window being read; None: they are done."""
    end: int = 0
    """The window is read up to before this moment; 0: up to the end of the export."""
    edges: tuple[int, ...] = ()
    """Where the windows to come begin, the next one first."""
    pages: int = 0
    """Pages of windows that were read."""
    old: int = 0
    """Tickets named that are older than their window's events."""
    left: int = 0
    """Rows that were seen and left to the walk through everything."""
    floor: int = 0
    """All rows generated from here on were named, but for those left; 0: no window was finished."""
    head: walk.Place = walk.Place()
    at_head: bool = False
    looked: int = 0
    """Pages of this look at the head."""
    told: int = 0
    """Tickets named in this look."""
    asked: float = 0.0
    """When the last look ended, or the first window began."""


class Step(Struct, frozen=True, kw_only=True):
    """What a piece of a page came to: the rows to name, and where to go on."""

    rows: Sequence[Record] = ()
    then: Newest


def begin(now: int) -> Newest:
    """There is more than a page. Times are ours."""
    first, *others = (now - window for window in _WINDOWS)
    return Newest(began=now, window=walk.Place(since=first), edges=tuple(others), head=walk.Place(since=now - _CLOCK), asked=now)


def turn(state: Newest, now: float) -> Newest:
    """The state with the head's turn begun, if its time has come. It has none before the first window is done."""
    if state.at_head or _is_first(state) or now - state.asked < HEAD_SECONDS:
        return state
    return msgspec.structs.replace(state, at_head=True, looked=0, told=0)


def origin_of(window: walk.Place) -> int:
    """Where the events of a window begin."""
    return window.since - _LEAD


def from_events(state: Newest, window: walk.Place, rows: Sequence[Record]) -> list[Record]:
    """Of rows of a window those that are named and whose comments are among its events."""
    return [row for row in rows if _is_lately(row, window.since, state.end) and _born(row) >= origin_of(window)]


def fitted(state: Newest, window: walk.Place, body: Record) -> Newest | None:
    """The state with a first window that its pages can hold; None where this one does, as far as its first page tells."""
    rows = records(body, "tickets")
    if state.pages or state.end or window.mark or not rows or not walk.following(body, window.after):
        return None
    since = state.began - max(_DAY, _FITTING * (generated(rows[-1]) - generated(rows[0])))
    return msgspec.structs.replace(state, window=walk.Place(since=since), pages=1) if since > window.since + _DAY else None


def in_window(state: Newest, window: walk.Place, piece: list[Record], body: Record, *, more: bool) -> Step:
    """Take a piece of the page at the window's place."""
    within = [row for row in piece if not state.end or generated(row) < state.end]
    named: list[Record] = []
    old, origin = state.old, origin_of(window)
    for row in within:
        is_old = _born(row) < origin
        if _is_lately(row, window.since, state.end) and not (is_old and old >= MOST_OLD):
            named.append(row)
            old += is_old
    state = _left(msgspec.structs.replace(state, old=old, pages=state.pages + (not more)), within, named)
    then, last = walk.advance(window, piece, body, more=more)
    if last or len(within) < len(piece):
        head = _behind(window, piece, body) if _is_first(state) else state.head
        return Step(rows=named, then=_next_window(msgspec.structs.replace(state, head=head, floor=window.since)))
    if not more and state.pages >= MOST_PAGES:
        return Step(rows=named, then=_over(state))
    return Step(rows=named, then=msgspec.structs.replace(state, window=then))


def at_head(state: Newest, piece: list[Record], body: Record, *, more: bool, now: float) -> Step:
    """Take a piece of the page at the head's place."""
    named = [row for row in piece if _is_lately(row, state.began - _CLOCK, 0)][: MOST_AT_HEAD - state.told]
    then, last = walk.advance(state.head, piece, body, more=more)
    head = _behind(state.head, piece, body) if last else then
    looked = state.looked + (not more)
    state = _left(msgspec.structs.replace(state, head=head, looked=looked, told=state.told + len(named)), piece, named)
    if last or looked >= _HEAD_PAGES:
        state = msgspec.structs.replace(state, at_head=False, asked=now)
    return Step(rows=named, then=state)


def is_behind(state: Newest, row: Record) -> bool:
    """Whether a row of the walk through everything lies where nearly all were named: then events are not read for its sake."""
    return 0 < state.floor <= generated(row) and state.left <= _FEW_LEFT


def _is_first(state: Newest) -> bool:
    return state.window is not None and state.end == 0


def _left(state: Newest, seen: Sequence[Record], named: Sequence[Record]) -> Newest:
    """The state with the tickets counted that were seen and not named."""
    return msgspec.structs.replace(state, left=state.left + sum(gone_as(row) is None for row in seen) - len(named))


def _behind(place: walk.Place, piece: list[Record], body: Record) -> walk.Place:
    """Behind the last row there is: where the next look goes on."""
    if after := text(body, "after_cursor"):
        return walk.Place(since=place.since, after=after)
    return walk.marked(place, piece[-1]) if piece else place


def _next_window(state: Newest) -> Newest:
    if not state.edges or state.pages >= MOST_PAGES:
        return _over(state)
    since, *later = state.edges
    return msgspec.structs.replace(state, window=walk.Place(since=since), end=state.floor, edges=tuple(later))


def _over(state: Newest) -> Newest:
    return msgspec.structs.replace(state, window=None, edges=())


def _is_lately(row: Record, since: int, end: int) -> bool:
    """Whether a ticket is there and somebody changed it lately: of tickets nobody touched the system generates rows anew too."""
    return gone_as(row) is None and seconds(moment(row, "updated_at")) >= since and (not end or generated(row) < end)


def _born(row: Record) -> int:
    return seconds(moment(row, "created_at"))
