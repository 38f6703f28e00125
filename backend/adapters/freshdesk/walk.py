"""How the ticket list is walked without losing a ticket while it changes under our feet.

Freshdesk lists by page number only, and at most 300 pages (https://developers.freshdesk.com/api/#list_all_tickets).
A ticket that changes leaves its place and goes to the end, so all behind it move up by one: whoever turns pages
of one list misses the ticket that slips from the next page to the last one. So the list is asked for by
`updated_since` again after every page, from the last moment seen:

    forward   page 1 from `since`; the next `since` is the page's last moment. Tickets of that second come again
              and are known by their ids. Only where more than a page shares one second are pages turned.
    back      after such a group its pages are read again from the last to the first: what slipped moved towards the
              first page, so reading that way meets it.
    created   a group longer than the 300 pages is read by its creation instead, which does not change: `asc` from
              page 300 down to 1, then `desc` until both meet. That reaches 60,000 tickets; beyond is an error.

All of it is in the Place, which is JSON, so a run stops and goes on anywhere. A ticket may be named twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from backend.adapters.freshdesk.client import PAGE_CAP, PER_PAGE
from backend.adapters.freshdesk.fields import Record, needed_ident, needed_moment
from backend.core.clock import parse_time
from backend.core.errors import AppError, Code

EVER: Final = "1970-01-01T00:00:00Z"
"""Without `updated_since` only the tickets created in the last 30 days are listed: it is sent always."""
LAG: Final = timedelta(minutes=5)
"""How far a run goes back behind the last change seen: what Freshdesk lists late is met by the next run."""
_MAX_SEEN: Final = 5_000
"""Ids of one second kept in a cursor; beyond, tickets are named twice."""


class Scan(StrEnum):
    """How a Place reads the list."""

    FORWARD = "forward"
    BACK = "back"
    CREATED_ASC = "created_asc"
    CREATED_DESC = "created_desc"


class Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a walk stands. Times are `2026-01-31T09:00:00Z`, so that they compare as texts."""

    since: str = EVER
    page: int = 1
    scan: Scan = Scan.FORWARD
    seen: tuple[str, ...] = ()
    """Ids named already of the tickets changed in the second `since`."""
    then: "Place | None" = None
    """Where to go on after `back` or `created`; None: the list is at its end."""
    edge: str = ""
    """With `created`: the creation of the newest ticket the `asc` pages reached."""
    newest: str = ""
    """The last change named in this run."""
    rest: bool = False
    """Between two runs."""
    mode: str = ""


class Step(Struct, frozen=True, kw_only=True):
    """What one page came to: the tickets to name, and where to go on (None: the end)."""

    records: tuple[Record, ...]
    then: Place | None


def begin(place: Place, *, full: bool, since: datetime | None, mode: str) -> Place:
    """The place a run starts or goes on from. A full run begins at the beginning, unless it is half-way itself."""
    going_on = not place.rest and place.mode == mode
    if not going_on and full:
        place = Place()
    if not going_on and since is not None:
        floor = stamp_of(since)
        place = place if place.since >= floor and not full else Place(since=floor)
    return msgspec.structs.replace(place, rest=False, mode=mode)


def finish(place: Place, began: str) -> Place:
    """Where the next run starts: a little before the last change that was named."""
    newest = parse_time(place.newest)
    since = began if newest is None else max(began, stamp_of(newest - LAG))
    return Place(since=since, rest=True)


def query_of(place: Place) -> dict[str, str | int]:
    """The list parameters of a place's page."""
    order, kind = "updated_at", "asc"
    if place.scan in (Scan.CREATED_ASC, Scan.CREATED_DESC):
        order, kind = "created_at", place.scan.removeprefix("created_")
    return {"updated_since": place.since, "order_by": order, "order_type": kind, "per_page": PER_PAGE, "page": place.page}


def beyond_cap(place: Place) -> Place:
    """Where to go on when page `place.page` was refused: the list ends before it, whatever our own cap says."""
    if place.scan is Scan.CREATED_DESC:
        raise _too_many(place, place.page - 1)
    return _by_creation(place, place.page - 1)


def advance(place: Place, records: Sequence[Record], *, cap: int = PAGE_CAP) -> Step:
    """Take a page that was read at `place`."""
    match place.scan:
        case Scan.FORWARD:
            return _forward(place, records, cap)
        case Scan.BACK:
            return _back(place, records)
        case _:
            return _created(place, records, cap)


def stamp_of(moment: datetime) -> str:
    """A UTC time as Freshdesk writes it, in whole seconds."""
    # A quarter of what `strftime` takes, which counts where a hundred are listed at once.
    return f"{moment.isoformat()[:19]}Z"


def changed_at(record: Record) -> str:
    """When a ticket changed, as a stamp."""
    return _times_of(record)[0]


def version_of(record: Record) -> str:
    """When a ticket changed, as precisely as Freshdesk tells."""
    return _times_of(record)[1]


def _times_of(record: Record) -> tuple[str, str]:
    told = record.get("updated_at")
    return _times(told) if isinstance(told, str) else _read_times(record)


@lru_cache(maxsize=1_024)
def _times(told: str) -> tuple[str, str]:
    """A page's times are looked at several times each."""
    return _read_times({"updated_at": told})


def _read_times(record: Record) -> tuple[str, str]:
    moment = needed_moment(record, "updated_at")
    return stamp_of(moment), moment.isoformat()


def _forward(place: Place, records: Sequence[Record], cap: int) -> Step:
    known = set(place.seen)
    stamps = [changed_at(record) for record in records]
    fresh = [r for r, stamp in zip(records, stamps, strict=True) if stamp != place.since or needed_ident(r, "id") not in known]
    last = max([place.since, *stamps[-1:]])
    newest = max([place.newest, *stamps])
    at_last = [needed_ident(record, "id") for record, stamp in zip(records, stamps, strict=True) if stamp == last]
    on = msgspec.structs.replace(place, newest=newest)
    if len(records) < PER_PAGE:
        then = None
    elif last > place.since:
        then = msgspec.structs.replace(on, since=last, page=1, seen=_kept(at_last))
    else:
        on = msgspec.structs.replace(on, seen=_kept([*place.seen, *at_last]))
        then = _by_creation(on, cap) if place.page >= cap else msgspec.structs.replace(on, page=place.page + 1)
        return Step(records=tuple(fresh), then=then)
    if place.page > 1:
        # Ids of this second that came with its last page are known too.
        own = [needed_ident(record, "id") for record, stamp in zip(records, stamps, strict=True) if stamp == place.since]
        back = msgspec.structs.replace(on, scan=Scan.BACK, page=place.page - 1, seen=_kept([*place.seen, *own]), then=then)
        return Step(records=tuple(fresh), then=back)
    return Step(records=tuple(fresh), then=then)


def _back(place: Place, records: Sequence[Record]) -> Step:
    known = set(place.seen)
    fresh = [record for record in records if needed_ident(record, "id") not in known]
    place = msgspec.structs.replace(place, newest=max([place.newest, *map(changed_at, fresh)]))
    if place.page > 1:
        return Step(records=tuple(fresh), then=msgspec.structs.replace(place, page=place.page - 1))
    then = place.then
    return Step(records=tuple(fresh), then=then and msgspec.structs.replace(then, newest=place.newest))


def _by_creation(place: Place, deepest: int) -> Place:
    return msgspec.structs.replace(place, scan=Scan.CREATED_ASC, page=max(1, deepest), edge="", newest=max(place.newest, place.since))


def _created(place: Place, records: Sequence[Record], cap: int) -> Step:
    # Tickets changed later than this second are listed here too; their own turn comes with the next `since`.
    known = set(place.seen)
    fresh = tuple(r for r in records if changed_at(r) == place.since and needed_ident(r, "id") not in known)
    born = [stamp_of(needed_moment(record, "created_at")) for record in records]
    if place.scan is Scan.CREATED_ASC:
        edge = place.edge or (born[-1] if len(records) == PER_PAGE else "")
        if place.page > 1:
            return Step(records=fresh, then=msgspec.structs.replace(place, page=place.page - 1, edge=edge))
        # Without an edge the deepest page was not full: everything has been read already.
        then = msgspec.structs.replace(place, scan=Scan.CREATED_DESC, page=1, edge=edge) if edge else _next_second(place)
        return Step(records=fresh, then=then)
    if len(records) < PER_PAGE or born[-1] < place.edge:
        return Step(records=fresh, then=_next_second(place))
    if place.page >= cap:
        raise _too_many(place, cap)
    return Step(records=fresh, then=msgspec.structs.replace(place, page=place.page + 1))


def _too_many(place: Place, cap: int) -> AppError:
    return AppError(
        Code.SOURCE_MALFORMED,
        f"More than {2 * cap * PER_PAGE:,} tickets were changed at {place.since} or later, too many at the same second for "
        "Freshdesk's list. Sync what came later with `--since`, and the rest from an account export.",
        details={"field": "updated_at"},
    )


def _next_second(place: Place) -> Place:
    this = parse_time(place.since)
    after = place.since if this is None else stamp_of(this + timedelta(seconds=1))
    return Place(since=after, newest=place.newest, mode=place.mode)


def _kept(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))[-_MAX_SEEN:]


def cut(place: Place, records: Sequence[Record], count: int) -> Step:
    """Name only the first `count` of a forward page; the next run goes on right behind them."""
    kept = records[:count]
    last = max([place.since, *(changed_at(record) for record in kept[-1:])])
    seen = [needed_ident(record, "id") for record in kept if changed_at(record) == last]
    if last == place.since:
        seen = [*place.seen, *seen]
    return Step(records=tuple(kept), then=msgspec.structs.replace(place, since=last, page=1, seen=_kept(seen)))
