"""Where a stream of changes stands, and where it goes on."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from backend.core.clock import parse_time
from backend.core.model.sync import RunMode, RunOptions

from desklore_birchdesk.client import PER_PAGE, Page

LAG: Final = timedelta(minutes=2)
"""How far a run goes back behind the last change seen: what Birchdesk lists late is met by the next run."""
EVER: Final = "1970-01-01T00:00:00Z"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stream's position. It is kept as JSON, and says enough to go on after a crash at any point."""

    since: str = EVER
    cursor: str = ""
    """The vendor's, of the next page; empty at the beginning of a walk."""
    newest: str = ""
    """The last change named in this walk."""
    named: int = 0
    """How many items were named in this walk, for `limit`."""
    rest: bool = False
    """Between two runs."""
    mode: str = ""


def begin(position: dict[str, Any], options: RunOptions) -> Place:
    """Where a run starts or goes on. A full run begins at the beginning, unless it is half-way itself."""
    try:
        place = msgspec.convert(position, Place)
    except msgspec.ValidationError:
        # A position that can't be read begins anew, which loses nothing.
        place = Place()
    if not place.rest and place.mode == options.mode.value:
        return place
    since = place.since if options.mode is RunMode.INCREMENTAL else EVER
    if options.since is not None:
        since = max(since, stamp(options.since))
    return Place(since=since, mode=options.mode.value)


def wanted(place: Place, options: RunOptions) -> int:
    """How many entries to ask for."""
    return PER_PAGE if options.limit is None else max(1, min(PER_PAGE, options.limit - place.named))


def advance(place: Place, page: Page, options: RunOptions) -> tuple[Place, bool]:
    """Where to go on behind a page, and whether the run is at its end."""
    newest = max([place.newest, *(stamp_of(entry.changed_at) for entry in page.items)])
    named = place.named + len(page.items)
    if not page.next:
        return Place(since=max(place.since, _before(newest)), rest=True), True
    on = Place(since=place.since, cursor=page.next, newest=newest, named=named, mode=place.mode)
    if options.limit is not None and named >= options.limit:
        # The next run goes on right behind.
        return msgspec.structs.replace(on, named=0), True
    return on, False


def stamp(moment: datetime) -> str:
    """A time as Birchdesk writes it, so that times compare as texts."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def stamp_of(written: str) -> str:
    """The same of a time that came as text; what is none sorts before all others."""
    try:
        moment = parse_time(written)
    except ValueError:
        return ""
    return "" if moment is None else stamp(moment)


def _before(newest: str) -> str:
    moment = parse_time(newest)
    return "" if moment is None else stamp(moment - LAG)
