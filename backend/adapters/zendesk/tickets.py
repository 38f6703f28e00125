"""The streams of tickets: changed ones from the incremental export, and those that are gone.

The export names tickets in the order in which their rows were generated, not in that of their `updated_at`: a change by the
system moves the first only, so the second is no cursor (of 144 recorded rows 140 had been generated long after their
update). It lies a minute behind, so what is being written meanwhile is not missed.

A page of the export has up to a thousand tickets. It is handed on in pieces, so that a run is killed in the middle of
one at a small loss; the position then names the last ticket of the piece, by which the place is found again.

A first sync of more than a page begins with the newest (see `newest`).
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from backend.adapters.positions import kept, position_of
from backend.adapters.zendesk import newest, walk
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.comments import Comments
from backend.adapters.zendesk.fields import Record, child, generated, ident, moment, needed_ident, number, records, seconds, text
from backend.adapters.zendesk.normalize import gone_as, status_of
from backend.adapters.zendesk.pages import Page, Pages
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


class _Position(walk.Place, frozen=True, omit_defaults=True):
    """Where the walk through everything stands, and what goes before it and beside it."""

    named: int = 0
    """How many were named, for `limit`."""
    rest: bool = False
    """Between two runs."""
    mode: str = ""
    whole: bool = False
    """Everything that is named will be fetched."""
    first: newest.Newest | None = None
    """Of a first sync that begins with the newest."""


class _GonePosition(Struct, frozen=True, omit_defaults=True):
    """First the trash as it is, then whatever the export tells since."""

    began: int = 0
    trash: str = ""
    walk: _Position | None = None


class TicketStreams:
    """Lists tickets page by page. To be closed."""

    def __init__(self, client: ZendeskClient, people: People) -> None:
        self._client = client
        self._people = people
        self._all, self._window, self._head = (Pages(client) for _ in range(3))
        self._comments = Comments(client, people)
        self._of_windows: dict[int, Comments] = {}
        """By where their events begin."""

    async def changed(self, cursor: Cursor, options: RunOptions) -> Listing:
        """The next tickets whose rows were generated since the cursor."""
        before = position_of(cursor.position, _Position)
        place = _begin(before, options)
        if place is not before:
            # A new walk may begin where an old one did, and has to see what changed since.
            self._all.forget()
        if place.first is not None and place.first.began:
            first = newest.turn(place.first, clock.now().timestamp())
            if first.at_head:
                return await self._from_head(place, first)
            if first.window is not None:
                return await self._from_window(place, first, first.window)
        page, fresh = await self._all.at(place)
        if place.first is not None and not place.first.began:
            more = walk.following(page.body, place.after)
            if more and records(page.body, "tickets"):
                self._all.forget()
                return _listing((), msgspec.structs.replace(place, first=newest.begin(int(time.time()))))
            place = place if more else msgspec.structs.replace(place, first=None)
        return self._from_all(place, page, options, fresh=fresh)

    async def comments_of(self, hint: Mapping[str, Any]) -> list[Record]:
        """All comments of a ticket listed with this hint, oldest first."""
        listed = child(hint, "ticket")
        if hint.get("apart") is True:
            return await self._comments.read(needed_ident(listed, "id"))
        origin = number(hint, "origin")
        return await (self._comments if origin is None else self._of_window(origin)).of(listed)

    async def read_comments(self, ticket_id: str) -> list[Record]:
        """All comments of a ticket that was not listed."""
        return await self._comments.read(ticket_id)

    def _from_all(self, place: _Position, page: Page, options: RunOptions, *, fresh: bool) -> Listing:
        """A piece of the walk through everything."""
        if fresh and options.limit is None:
            self._all.look_ahead(place)
        rows = walk.behind(records(page.body, "tickets"), place)
        if fresh:
            self._people.learn(page.body)
            announced = [row for row in rows if gone_as(row) is None and not _is_apart(place, row)]
            self._comments.announce(announced, whole=place.whole, until=newest.known_from(place.first) if place.first else None)
        piece = rows[:PIECE]
        wanted = [row for row in piece if gone_as(row) is None and ident(row, "id") is not None and _asked_for(row, options)]
        if options.limit is not None and place.named + len(wanted) >= options.limit:
            wanted = wanted[: max(0, options.limit - place.named)]
            then, last = msgspec.structs.replace(walk.marked(place, wanted[-1]) if wanted else place, named=0), True
        else:
            then, last = walk.advance(place, piece, page.body, more=len(rows) > PIECE)
            then = _rest(then) if last else msgspec.structs.replace(then, named=place.named + len(wanted))
        return _listing([_ref(row, page, {"apart": True} if _is_apart(place, row) else {}) for row in wanted], then, last=last)

    async def _from_window(self, place: _Position, first: newest.Newest, window: walk.Place) -> Listing:
        """A piece of what changed lately."""
        page, fresh = await self._window.at(window)
        rows = walk.behind(records(page.body, "tickets"), window)
        if fresh:
            if nearer := newest.fitted(first, window, page.body):
                return _listing((), msgspec.structs.replace(place, first=nearer))
            self._window.look_ahead(window)
            self._people.learn(page.body)
            self._of_window(newest.origin_of(window)).announce(newest.from_events(window, rows), whole=True)
        step = newest.in_window(first, window, rows[:PIECE], page.body, more=len(rows) > PIECE)
        refs = [_ref(row, page, {"origin": newest.origin_of(window)}) for row in step.rows if ident(row, "id") is not None]
        return _listing(refs, msgspec.structs.replace(place, first=step.then))

    async def _from_head(self, place: _Position, first: newest.Newest) -> Listing:
        """A piece of what changed in the last minutes."""
        if place.first is not None and not place.first.at_head:
            self._head.forget()
        page, fresh = await self._head.at(first.head)
        rows = walk.behind(records(page.body, "tickets"), first.head)
        if fresh:
            self._people.learn(page.body)
        step = newest.at_head(first, rows[:PIECE], page.body, more=len(rows) > PIECE, now=clock.now().timestamp())
        refs = [_ref(row, page, {"apart": True}) for row in step.rows if ident(row, "id") is not None]
        return _listing(refs, msgspec.structs.replace(place, first=step.then))

    def _of_window(self, origin: int) -> Comments:
        if origin not in self._of_windows:
            self._of_windows[origin] = Comments(self._client, self._people, origin=origin)
        return self._of_windows[origin]

    async def gone(self, cursor: Cursor, options: RunOptions) -> Listing:
        """The next tickets that were deleted, for ever or into the trash."""
        position = position_of(cursor.position, _GonePosition)
        if position.walk is None:
            return await self._trash(position)
        place = position.walk if not position.walk.rest else msgspec.structs.replace(position.walk, rest=False)
        body = await self._client.export(since=place.since, cursor=place.after, sides=False)
        rows = walk.behind(records(body, "tickets"), place)
        place, last = walk.advance(place, rows, body, more=False)
        refs = tuple(
            ItemRef(
                doc_type=DocType.TICKET, original_id=key, version=version_of(row), presence=presence, changed_at=moment(row, "updated_at")
            )
            for row in rows
            if (presence := gone_as(row)) is not None and (key := ident(row, "id")) is not None and _within(row, options)
        )
        return Listing(refs=refs, next=_gone_cursor(_GonePosition(began=position.began, walk=_rest(place) if last else place)), last=last)

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
        for pages in (self._all, self._window, self._head):
            await pages.close()
        for comments in (self._comments, *self._of_windows.values()):
            await comments.close()


def _begin(place: _Position, options: RunOptions) -> _Position:
    """Where a run starts or goes on. A full run begins at the beginning, unless it is half-way itself."""
    if not place.rest and place.mode == options.mode.value:
        return place if place.first is None or _is_everything(options) else msgspec.structs.replace(place, first=None)
    full = options.mode is not RunMode.INCREMENTAL
    since = 0 if full else place.since
    if options.since is not None:
        # Rows are never generated before their ticket is updated; what is too recent is left out by its time.
        since = max(since, min(seconds(options.since), int(time.time()) - LAG))
    whole = since == 0 and options.mode is not RunMode.FULL and options.limit is None
    first = newest.Newest() if since == 0 and _is_everything(options) else None
    return _Position(since=since, mode=options.mode.value, whole=whole, first=first)


def _is_everything(options: RunOptions) -> bool:
    """Whether a run takes all there is; who asks for some of it is not in the hurry of a first sync."""
    asked = (options.since, options.until, options.limit)
    return options.mode is RunMode.INCREMENTAL and asked == (None, None, None) and not options.statuses


def cursor_from(since: datetime, current: Cursor | None) -> Cursor | None:
    """Where a run begins that reads the rows from a moment on; None where `current` is further. A first sync under way is given up."""
    at = seconds(since)
    if current is not None and position_of(current.position, _Position).since >= at:
        return None
    return Cursor(stream=Stream.TICKETS, position=kept(_Position(since=at, rest=True)))


def _rest(place: _Position) -> _Position:
    """Where the next run starts. A time that lies ahead, whoever wrote it, must not keep later changes from being seen."""
    return _Position(since=max(place.since, min(place.newest, int(time.time())) - LAG), rest=True)


def version_of(row: Record) -> str:
    """When the ticket changed, and when its row did: a change by the system moves the second only."""
    at = moment(row, "updated_at")
    return f"{at.isoformat() if at else text(row, 'updated_at')} {generated(row)}"


def _ref(row: Record, page: Page, more: Mapping[str, Any]) -> ItemRef:
    """A listed ticket, which is made of the row itself: it is as old as the page."""
    key = ident(row, "id") or ""
    hint = {"ticket": row, "solved_at": page.solved.get(key, ""), **more}
    return ItemRef(doc_type=DocType.TICKET, original_id=key, version=version_of(row), hint=hint, told_at=page.asked)


def _is_apart(place: _Position, row: Record) -> bool:
    """Whether a row's comments are read by a call of their own: their events were read already, for nearly all of them."""
    known = newest.known_from(place.first) if place.first is not None else None
    return known is not None and generated(row) >= known


def _listing(refs: Sequence[ItemRef], place: _Position, *, last: bool = False) -> Listing:
    return Listing(refs=tuple(refs), next=Cursor(stream=Stream.TICKETS, position=kept(place)), last=last)


def _asked_for(row: Record, options: RunOptions) -> bool:
    return _within(row, options) and (not options.statuses or status_of(row).value in options.statuses)


def _within(row: Record, options: RunOptions) -> bool:
    at = moment(row, "updated_at")
    if at is None:
        return True
    return (options.since is None or at >= options.since) and (options.until is None or at < options.until)


def _gone_cursor(position: _GonePosition) -> Cursor:
    return Cursor(stream=Stream.DELETIONS, position=kept(position))
