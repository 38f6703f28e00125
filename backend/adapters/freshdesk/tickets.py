"""The streams of tickets: changed ones, and those in the trash or among the spam."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from backend.adapters.freshdesk import backfill, walk
from backend.adapters.freshdesk.client import FreshdeskClient
from backend.adapters.freshdesk.fields import Record, needed_ident, needed_moment, number
from backend.adapters.freshdesk.normalize import presence_of, status_of
from backend.adapters.positions import kept, position_of
from backend.core import clock
from backend.core.errors import AppError
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemRef, Listing, RunMode, RunOptions, Stream
from backend.core.model.ticket import Presence

_GONE: Final = (("deleted", Presence.DELETED), ("spam", Presence.SPAM))
"""The filters of https://developers.freshdesk.com/api/#list_all_tickets that show what other lists leave out."""


_Extra = dict[str, str | int]
"""Query parameters beside those of the walk."""


class _TicketPosition(Struct, omit_defaults=True):
    """A cursor's position: the walk, where it began, and how many it named (for `limit`)."""

    place: walk.Place = walk.Place()
    began: str = walk.EVER
    named: int = 0
    windows: backfill.Backfill | None = None
    """While everything is read for the first time, or anew."""


class _GonePosition(Struct, omit_defaults=True):
    """One walk after the other; `turn` is the one going on."""

    turn: int = 0
    walks: tuple[_TicketPosition, ...] = ()


class _Read(Struct, frozen=True):
    """A page of the changed tickets."""

    asked: datetime
    """When it was asked for, which may be long before it is given out."""
    records: Sequence[Record]
    then: dict[str, Any]
    """The position behind it."""
    last: bool


class _Ahead(Struct, frozen=True):
    """The page behind the one that was read last, being read already."""

    position: dict[str, Any]
    options: RunOptions
    page: asyncio.Task[_Read]


class TicketStreams:
    """Lists tickets page by page, see `walk`. To be closed.

    Pages can only be asked for one after the other, so what a run does between two of them is time lost. Who has asked for two
    pages will ask for a third: it is on its way before the second is given out.
    """

    def __init__(self, client: FreshdeskClient) -> None:
        self._client = client
        self._given: dict[str, Any] | None = None
        """The position that was given out last."""
        self._ahead: _Ahead | None = None

    async def changed(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page of the tickets changed since the cursor."""
        goes_on = cursor.position == self._given
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.position == cursor.position and ahead.options == options:
            page = await ahead.page
        else:
            await _drop(ahead)
            page = await self._read(cursor.position, options)
        self._given = page.then
        # One who wants so many has them perhaps, and a bounded read should not cost a call more.
        if goes_on and not page.last and options.limit is None:
            self._ahead = _Ahead(page.then, options, asyncio.create_task(self._read(page.then, options)))
        refs = [_ref(record, page.asked) for record in page.records]
        wanted = [ref for ref, record in zip(refs, page.records, strict=True) if _asked_for(record, ref, options)]
        return Listing(refs=tuple(wanted), next=Cursor(stream=Stream.TICKETS, position=page.then), last=page.last)

    async def close(self) -> None:
        """Nobody asks any more."""
        ahead, self._ahead = self._ahead, None
        await _drop(ahead)

    async def _read(self, at: Mapping[str, Any], options: RunOptions) -> _Read:
        asked = clock.now()
        position = position_of(at, _TicketPosition)
        extra: _Extra = {"include": "requester,stats"}
        windows = position.windows or _windows(position, options)
        if windows is None:
            records, position, last = await self._page(position, options, extra)
        else:
            records, position, last = await self._window(windows, extra)
        return _Read(asked, records, kept(position), last)

    async def gone(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page of the tickets deleted or marked as spam since the cursor."""
        position = position_of(cursor.position, _GonePosition)
        walks = list(position.walks) or [_TicketPosition() for _ in _GONE]
        turn = min(position.turn, len(_GONE) - 1)
        name, presence = _GONE[turn]
        records, walks[turn], ended = await self._page(walks[turn], options, {"filter": name})
        last = ended and turn == len(_GONE) - 1
        refs = tuple(
            ItemRef(
                doc_type=DocType.TICKET,
                original_id=needed_ident(record, "id"),
                version=walk.version_of(record),
                presence=presence,
                changed_at=needed_moment(record, "updated_at"),
            )
            for record in records
        )
        position = _GonePosition(turn=0 if last else turn + ended, walks=tuple(walks))
        return Listing(refs=refs, next=Cursor(stream=Stream.DELETIONS, position=kept(position)), last=last)

    async def _window(self, state: backfill.Backfill, extra: _Extra) -> tuple[Sequence[Record], _TicketPosition, bool]:
        """A page of a backfill: of the window being read, or of what changed meanwhile."""
        state, place = backfill.turn(state)
        try:
            records = await self._client.ticket_page({**backfill.query_of(state, place), **extra})
        except AppError as error:
            if not _beyond_the_last(error, place):
                raise
            return (), _TicketPosition(windows=backfill.refused(state, place)), False
        step = backfill.advance(state, place, records)
        if step.rest is not None:
            return step.records, _TicketPosition(place=step.rest), True
        return step.records, _TicketPosition(windows=step.then), False

    async def _page(self, position: _TicketPosition, options: RunOptions, extra: _Extra) -> tuple[Sequence[Record], _TicketPosition, bool]:
        """A page's tickets, the position behind it, and whether this run is at its end."""
        place = walk.begin(position.place, full=options.mode is not RunMode.INCREMENTAL, since=options.since, mode=options.mode.value)
        began = place.since if position.place.rest or position.place.mode != place.mode else position.began
        try:
            records = await self._client.ticket_page({**walk.query_of(place), **extra})
        except AppError as error:
            if not _beyond_the_last(error, place):
                raise
            return (), _TicketPosition(place=walk.beyond_cap(place), began=began, named=position.named), False
        step = walk.advance(place, records)
        kept = _before(step.records, options.until)
        room = len(kept) if options.limit is None else options.limit - position.named
        named = position.named + len(kept)
        if place.scan is walk.Scan.FORWARD and len(kept) > room:
            step = walk.cut(place, kept, room)
            return step.records, _TicketPosition(place=step.then or place, began=began), True
        if step.then is None or (place.scan is walk.Scan.FORWARD and len(kept) < len(step.records)):
            newest = max([place.newest, *map(walk.changed_at, kept)])
            rest = walk.finish(msgspec.structs.replace(place, newest=newest), began)
            return kept, _TicketPosition(place=rest), True
        if options.limit is not None and named >= options.limit:
            return kept, _TicketPosition(place=step.then, began=began), True
        return kept, _TicketPosition(place=step.then, began=began, named=named), False


async def _drop(ahead: _Ahead | None) -> None:
    """A page that nobody asked for, whatever became of it."""
    if ahead is not None:
        ahead.page.cancel()
        await asyncio.gather(ahead.page, return_exceptions=True)


def cursor_from(since: datetime, current: Cursor | None) -> Cursor | None:
    """Where a run begins that reads what changed from a moment on; None where `current` is further. A backfill under way is given up."""
    stamp = walk.stamp_of(since)
    if current is not None:
        position = position_of(current.position, _TicketPosition)
        if position.windows is None and position.place.since >= stamp:
            return None
    return Cursor(stream=Stream.TICKETS, position=kept(_TicketPosition(place=walk.Place(since=stamp, rest=True))))


def _windows(position: _TicketPosition, options: RunOptions) -> backfill.Backfill | None:
    """A new backfill, where a run begins to read everything; None for what changed, and for a bounded look."""
    if options.limit is not None or options.until is not None:
        return None
    mode, place = options.mode, position.place
    going_on = not place.rest and place.mode == mode.value
    if going_on or (mode is RunMode.INCREMENTAL and place != walk.Place()):
        return None
    return backfill.begin(walk.EVER if options.since is None else walk.stamp_of(options.since))


def _beyond_the_last(error: AppError, place: walk.Place) -> bool:
    """Whether the page was refused for its number."""
    return place.page > 1 and "page" in error.details.get("fields", ())


def _before(records: Sequence[Record], until: datetime | None) -> Sequence[Record]:
    return records if until is None else [record for record in records if needed_moment(record, "updated_at") < until]


def _ref(record: Record, asked: datetime) -> ItemRef:
    """A listed ticket; the hint spares the view call its own `include` of requester and statistics, which cost credits."""
    return ItemRef(
        doc_type=DocType.TICKET,
        original_id=needed_ident(record, "id"),
        version=walk.version_of(record),
        presence=presence_of(record),
        hint={"requester": record.get("requester"), "stats": record.get("stats")},
        told_at=asked,
    )


def _asked_for(record: Record, ref: ItemRef, options: RunOptions) -> bool:
    return not options.statuses or ref.presence is not Presence.LIVE or status_of(number(record, "status")).value in options.statuses
