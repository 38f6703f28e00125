"""The streams of tickets: changed ones from the incremental export, and those that are gone.

The export names tickets in the order in which their rows were generated, not in that of their `updated_at`: a change by the
system moves the first only, so the second is no cursor (of 144 recorded rows 140 had been generated long after their
update). It lies a minute behind, so what is being written meanwhile is not missed.

A page of the export has up to a thousand tickets. It is handed on in pieces, so that a run is killed in the middle of
one at a small loss; the position then names the last ticket of the piece, by which the place is found again.
"""

import asyncio
import time
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from backend.adapters.positions import kept, position_of
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.comments import Comments
from backend.adapters.zendesk.fields import Record, child, generated, ident, moment, records, seconds, text
from backend.adapters.zendesk.normalize import gone_as, status_of
from backend.adapters.zendesk.people import People
from backend.core import clock
from backend.core.errors import AppError
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemRef, Listing, RunMode, RunOptions, Stream
from backend.core.model.ticket import Presence

PIECE: Final = 100
"""Tickets named at once."""
LAG: Final = 300
"""Seconds that a run goes back behind the last row seen; also, a start must be older than a minute, by Zendesk's clock."""


class _Position(Struct, frozen=True, omit_defaults=True):
    """Where the walk through the export stands. Times are epoch seconds."""

    since: int = 0
    after: str = ""
    """The vendor's cursor; empty at the beginning of a walk."""
    mark: str = ""
    """The last ticket named of this page; empty: none."""
    mark_at: int = 0
    newest: int = 0
    """The last row seen in this run."""
    named: int = 0
    """How many were named, for `limit`."""
    rest: bool = False
    """Between two runs."""
    mode: str = ""
    whole: bool = False
    """Everything that is named will be fetched."""


class _GonePosition(Struct, frozen=True, omit_defaults=True):
    """First the trash as it is, then whatever the export tells since."""

    began: int = 0
    trash: str = ""
    walk: _Position | None = None


class _Ahead(NamedTuple):
    """A page of the export on its way."""

    key: tuple[int, str]
    asked: datetime
    body: asyncio.Task[Record]


class TicketStreams:
    """Lists tickets page by page."""

    def __init__(self, client: ZendeskClient, comments: Comments, people: People) -> None:
        self._client = client
        self._comments = comments
        self._people = people
        self._page: tuple[tuple[int, str], Record] | None = None
        """The page of the export that is being handed on."""
        self._asked = clock.now()
        """When it was asked for."""
        self._ahead: _Ahead | None = None
        self._solved: dict[str, str] = {}
        """Of this page."""

    async def changed(self, cursor: Cursor, options: RunOptions) -> Listing:
        """The next tickets whose rows were generated since the cursor."""
        before = position_of(cursor.position, _Position)
        place = _begin(before, options)
        if place is not before:
            # A new walk may begin where an old one did, and has to see what changed since.
            self._page = None
        fresh = self._page is None or self._page[0] != (place.since, place.after)
        body = await self._page_at(place, ahead=options.limit is None)
        rows = _behind(records(body, "tickets"), place)
        if fresh:
            self._solved = _solved(body)
            self._people.learn(body)
            self._comments.announce([row for row in rows if gone_as(row) is None], whole=place.whole)
        piece = rows[:PIECE]
        wanted = [row for row in piece if gone_as(row) is None and ident(row, "id") is not None and _asked_for(row, options)]
        if options.limit is not None and place.named + len(wanted) >= options.limit:
            wanted = wanted[: max(0, options.limit - place.named)]
            place = msgspec.structs.replace(_marked(place, wanted[-1]) if wanted else place, named=0)
            last = True
        else:
            place, last = _next(place, piece, body, more=len(rows) > PIECE)
            place = place if last else msgspec.structs.replace(place, named=place.named + len(wanted))
        refs = tuple(_ref(row, self._solved, self._asked) for row in wanted)
        return Listing(refs=refs, next=Cursor(stream=Stream.TICKETS, position=kept(place)), last=last)

    async def gone(self, cursor: Cursor, options: RunOptions) -> Listing:
        """The next tickets that were deleted, for ever or into the trash."""
        position = position_of(cursor.position, _GonePosition)
        if position.walk is None:
            return await self._trash(position)
        place = position.walk if not position.walk.rest else msgspec.structs.replace(position.walk, rest=False)
        body = await self._client.export(since=place.since, cursor=place.after, sides=False)
        rows = _behind(records(body, "tickets"), place)
        place, last = _next(place, rows, body, more=False)
        refs = tuple(
            ItemRef(
                doc_type=DocType.TICKET, original_id=key, version=version_of(row), presence=presence, changed_at=moment(row, "updated_at")
            )
            for row in rows
            if (presence := gone_as(row)) is not None and (key := ident(row, "id")) is not None and _within(row, options)
        )
        return Listing(refs=refs, next=_gone_cursor(_GonePosition(began=position.began, walk=place)), last=last)

    async def _trash(self, position: _GonePosition) -> Listing:
        # By our clock, which may be ahead of Zendesk's.
        began = position.began or int(time.time()) - 2 * LAG
        try:
            body = await self._client.deleted_page(position.trash)
        except AppError as error:
            if not self._client.is_absent(error, "deleted_tickets"):
                raise
            body = {}
        refs = tuple(
            ItemRef(doc_type=DocType.TICKET, original_id=key, version=text(row, "deleted_at"), presence=Presence.DELETED)
            for row in records(body, "deleted_tickets")
            if (key := ident(row, "id")) is not None
        )
        meta = child(body, "meta")
        after = text(meta, "after_cursor") if meta.get("has_more") is True else ""
        if after and after != position.trash:
            return Listing(refs=refs, next=_gone_cursor(_GonePosition(began=began, trash=after)), last=False)
        return Listing(refs=refs, next=_gone_cursor(_GonePosition(began=began, walk=_Position(since=began, rest=True))), last=True)

    async def close(self) -> None:
        """Let go of what is on its way."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.body.cancel()
            await asyncio.gather(ahead.body, return_exceptions=True)

    async def _page_at(self, place: _Position, *, ahead: bool) -> Record:
        """The page of the export at a place; with `ahead` the next one is asked for while this one is handed on."""
        key = (place.since, place.after)
        if self._page is not None and self._page[0] == key:
            return self._page[1]
        if self._ahead is not None and self._ahead.key != key:
            await self.close()
        page, self._ahead = self._ahead or self._ask(key), None
        try:
            body = await page.body
        finally:
            page.body.cancel()
        self._page, self._asked = (key, body), page.asked
        after = text(body, "after_cursor")
        if ahead and body.get("end_of_stream") is not True and after and after != place.after:
            self._ahead = self._ask((place.since, after))
        return body

    def _ask(self, key: tuple[int, str]) -> _Ahead:
        since, after = key
        return _Ahead(key, clock.now(), asyncio.create_task(self._client.export(since=since, cursor=after)))


def _begin(place: _Position, options: RunOptions) -> _Position:
    """Where a run starts or goes on. A full run begins at the beginning, unless it is half-way itself."""
    if not place.rest and place.mode == options.mode.value:
        return place
    full = options.mode is not RunMode.INCREMENTAL
    since = 0 if full else place.since
    if options.since is not None:
        # Rows are never generated before their ticket is updated; what is too recent is left out by its time.
        since = max(since, min(seconds(options.since), int(time.time()) - LAG))
    whole = since == 0 and options.mode is not RunMode.FULL and options.limit is None
    return _Position(since=since, mode=options.mode.value, whole=whole)


def cursor_from(since: datetime, current: Cursor | None) -> Cursor | None:
    """Where a run begins that reads the rows from a moment on; None where `current` is further. A first sync under way is given up."""
    at = seconds(since)
    if current is not None and position_of(current.position, _Position).since >= at:
        return None
    return Cursor(stream=Stream.TICKETS, position=kept(_Position(since=at, rest=True)))


def _behind(rows: list[Record], place: _Position) -> list[Record]:
    """The rows of a page that were not named yet. A ticket that changed since is further on: then its time tells the place."""
    if not place.mark:
        return rows
    at = next((n for n, row in enumerate(rows) if ident(row, "id") == place.mark), None)
    if at is not None:
        return rows[at + 1 :]
    return [row for row in rows if generated(row) >= place.mark_at]


def _next(place: _Position, piece: list[Record], body: Record, *, more: bool) -> tuple[_Position, bool]:
    """Where to go on behind a piece of a page, and whether that is the end."""
    newest = max([place.newest, *map(generated, piece)])
    place = msgspec.structs.replace(place, newest=newest)
    if more:
        return _marked(place, piece[-1]), False
    after = text(body, "after_cursor")
    # Caught up, a page is empty and its cursor null; one that leads to itself would do so for ever.
    if body.get("end_of_stream") is True or not after or after == place.after:
        # A time that lies ahead, whoever wrote it, must not keep later changes from being seen.
        return _Position(since=max(place.since, min(newest, int(time.time())) - LAG), rest=True), True
    return msgspec.structs.replace(place, after=after, mark="", mark_at=0), False


def _marked(place: _Position, row: Record) -> _Position:
    return msgspec.structs.replace(place, mark=ident(row, "id") or place.mark, mark_at=generated(row))


def version_of(row: Record) -> str:
    """When the ticket changed, and when its row did: a change by the system moves the second only."""
    at = moment(row, "updated_at")
    return f"{at.isoformat() if at else text(row, 'updated_at')} {generated(row)}"


def _solved(body: Record) -> dict[str, str]:
    """Ticket -> when it was solved, from the metric sets loaded beside."""
    return {key: text(entry, "solved_at") for entry in records(body, "metric_sets") if (key := ident(entry, "ticket_id")) is not None}


def _ref(row: Record, solved: dict[str, str], asked: datetime) -> ItemRef:
    """A listed ticket, which is made of the row itself: it is as old as the page."""
    key = ident(row, "id") or ""
    hint = {"ticket": row, "solved_at": solved.get(key, "")}
    return ItemRef(doc_type=DocType.TICKET, original_id=key, version=version_of(row), hint=hint, told_at=asked)


def _asked_for(row: Record, options: RunOptions) -> bool:
    return _within(row, options) and (not options.statuses or status_of(row).value in options.statuses)


def _within(row: Record, options: RunOptions) -> bool:
    at = moment(row, "updated_at")
    if at is None:
        return True
    return (options.since is None or at >= options.since) and (options.until is None or at < options.until)


def _gone_cursor(position: _GonePosition) -> Cursor:
    return Cursor(stream=Stream.DELETIONS, position=kept(position))
