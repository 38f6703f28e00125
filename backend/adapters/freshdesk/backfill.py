"""Everything for the first time, the newest first: in windows from the latest back, and what changes meanwhile in between.

    newest    14 days     90 days       a year          ever
      |<--- 1 --->|<--- 2 --->|<---- 3 ---->|<---- 4 ---->|     each is walked forward (see `walk`), up to where the one before began

A look at the newest page comes first: times are the helpdesk's own, and a small helpdesk is read with that one page. After
the first window, the head is asked every few minutes for what changed since: a ticket that changes leaves the window it
would have been read in, and is met at the head. So agents find the last weeks within minutes, and new answers while years
are still to be read. All of it is JSON in the cursor, so a run stops and goes on anywhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import Struct

from backend.adapters.freshdesk import walk
from backend.adapters.freshdesk.client import PER_PAGE
from backend.adapters.freshdesk.fields import Record, needed_ident
from backend.core import clock
from backend.core.clock import parse_time

_WINDOWS: Final = tuple(timedelta(days=days) for days in (14, 90, 365))
_MAX_RECENT: Final = 5_000
"""Of more tickets of a few minutes, the cursor would grow with every page; those beyond are named twice."""
HEAD_SECONDS: Final = 120.0
"""How long changes may wait while older windows are read."""


class Backfill(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a backfill stands."""

    place: walk.Place | None = None
    """In the window being read; None: all windows are done and the head is read a last time, or none has begun."""
    start: str
    """Where the window begins; before the first one, where all begins."""
    begun: bool = False
    """Whether the newest page was looked at."""
    end: str = ""
    """The window is read up to before this moment; empty: up to the end of the list."""
    edges: tuple[str, ...] = ()
    """Where the windows to come begin, the next one first."""
    head: walk.Place = walk.Place()
    """Where the changes since the first window are read."""
    began: str = ""
    """Where the head's turn began."""
    asked: float = 0.0
    """When the head's last turn ended, in seconds of the epoch."""
    at_head: bool = False
    recent: dict[str, str] = {}
    """What was named of the last minutes, with when it changed: the head goes back that far each time."""


class Step(Struct, frozen=True, kw_only=True):
    """What one page came to: the tickets to name, where to go on, and, at the end, where the next run starts."""

    records: Sequence[Record]
    then: Backfill
    rest: walk.Place | None = None


def begin(floor: str) -> Backfill:
    """Of everything that changed at or after `floor`."""
    return Backfill(start=floor)


def turn(state: Backfill) -> tuple[Backfill, walk.Place]:
    """Whose page is next: the head's when its time has come, else the window's."""
    if not state.begun:
        return state, walk.Place(since=state.start)
    if not state.at_head and (state.place is None or (state.end and clock.now().timestamp() - state.asked >= HEAD_SECONDS)):
        head = msgspec.structs.replace(state.head, rest=False, newest="")
        state = msgspec.structs.replace(state, at_head=True, head=head, began=state.head.since)
    place = state.head if state.at_head or state.place is None else state.place
    return state, place


def query_of(state: Backfill, place: walk.Place) -> dict[str, str | int]:
    """The list parameters of the page."""
    return walk.query_of(place) | ({} if state.begun else {"order_type": "desc"})


def advance(state: Backfill, place: walk.Place, records: Sequence[Record]) -> Step:
    """Take a page that was read at `place`, the one that `turn` gave."""
    if not state.begun:
        return _begun(state, records)
    step = walk.advance(place, records)
    if state.at_head:
        return _at_head(state, place, step)
    if not state.end:
        state = _remembering(state, step.records)
    named = [record for record in step.records if not state.end or walk.changed_at(record) < state.end]
    then = step.then
    if then is not None and not (state.end and then.scan is walk.Scan.FORWARD and then.since >= state.end):
        return Step(records=named, then=msgspec.structs.replace(state, place=then))
    return Step(records=named, then=_next_window(state, place, step))


def refused(state: Backfill, place: walk.Place) -> Backfill:
    """Go on where page `place.page` was refused: the list ends before it."""
    other = walk.beyond_cap(place)
    return msgspec.structs.replace(state, head=other) if state.at_head else msgspec.structs.replace(state, place=other)


def _begun(state: Backfill, records: Sequence[Record]) -> Step:
    """After the newest page: it was everything, or tells where the windows lie. What it shows is named by the first of them."""
    newest = max(map(walk.changed_at, records), default="")
    if len(records) < PER_PAGE:
        return Step(records=records, then=state, rest=walk.finish(walk.Place(newest=newest), state.start))
    moment = parse_time(newest) or clock.now()
    edges = [edge for window in _WINDOWS if (edge := walk.stamp_of(moment - window)) > state.start]
    first, *others = [*edges, state.start]
    return Step(records=(), then=Backfill(begun=True, place=walk.Place(since=first), start=first, edges=tuple(others)))


def _next_window(state: Backfill, place: walk.Place, step: walk.Step) -> Backfill:
    """The next older one, which ends where this one began."""
    if not state.end:
        head = _finished(place, step, state.start)
        state = msgspec.structs.replace(state, head=head, asked=clock.now().timestamp())
    if not state.edges:
        return msgspec.structs.replace(state, place=None, end=state.start)
    start, *later = state.edges
    older = walk.Place(since=start)
    return msgspec.structs.replace(state, place=older, start=start, end=state.start, edges=tuple(later))


def _at_head(state: Backfill, place: walk.Place, step: walk.Step) -> Step:
    named = [record for record in step.records if state.recent.get(needed_ident(record, "id")) != walk.changed_at(record)]
    state = _remembering(state, named)
    if step.then is not None:
        return Step(records=named, then=msgspec.structs.replace(state, head=step.then))
    head = _finished(place, step, state.began)
    then = msgspec.structs.replace(state, head=head, at_head=False, asked=clock.now().timestamp())
    return Step(records=named, then=then, rest=head if state.place is None else None)


def _remembering(state: Backfill, named: Sequence[Record]) -> Backfill:
    recent = state.recent | {needed_ident(record, "id"): walk.changed_at(record) for record in named}
    newest = parse_time(max(recent.values(), default=""))
    if newest is None:
        return state
    floor = walk.stamp_of(newest - walk.LAG)
    kept = [(key, moment) for key, moment in recent.items() if moment >= floor]
    return msgspec.structs.replace(state, recent=dict(kept[-_MAX_RECENT:]))


def _finished(place: walk.Place, step: walk.Step, began: str) -> walk.Place:
    newest = max([place.newest, *map(walk.changed_at, step.records)])
    return walk.finish(msgspec.structs.replace(place, newest=newest), began)
