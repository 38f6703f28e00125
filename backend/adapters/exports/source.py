"""An account export behind the Source port: what every vendor's has in common.

A vendor's part (`Shape`) says which files hold what, and makes items of records; this part walks the files, keeps the place,
sets bad records aside with file and number, and asks the helpdesk for what no export holds, where it lets us.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from backend.adapters.archive import Archive
from backend.adapters.exports.walk import Place, Row, Walk
from backend.core import clock
from backend.core.errors import AppError, Code, Retry
from backend.core.model.connection import CredentialReport
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream
from backend.core.model.ticket import Attachment
from backend.core.ports.source import Capabilities, Continuation, KnowsNames, Source, SourceQuota

LAG: Final = timedelta(minutes=5)
"""How far the sync goes back behind the moment at which the helpdesk began to make the export."""
LONGEST_JOB: Final = timedelta(days=1)
"""How far it goes back where only the newest change in the export is known: a big account is written for hours."""
SETTLING: Final = timedelta(minutes=2)
"""A change so shortly before is not trusted to be the last one of its second."""
_BAD: Final = "problem"
_DOC_TYPES: Final = {Stream.TICKETS: DocType.TICKET, Stream.ARTICLES: DocType.ARTICLE}


class Seen(Struct, frozen=True, omit_defaults=True):
    """What an import knows of the tickets it went through. Times are ISO 8601 in UTC, so that they compare as texts."""

    newest: str = ""
    """The last change."""
    first: str = ""
    """When the oldest was made."""
    last: str = ""
    """When the youngest was made."""
    lost: int = 0
    """Records of which nobody can tell which item they are."""


class Position(Struct, frozen=True, omit_defaults=True):
    """A cursor's position in an export."""

    place: Place = Place()
    named: int = 0
    seen: Seen = Seen()


class Named(Struct, frozen=True):
    """An item that a record holds; the times are of a ticket."""

    ref: ItemRef
    changed: datetime | None = None
    made: datetime | None = None


class Shape(Protocol):
    """What a vendor's export looks like."""

    @property
    def alone(self) -> bool:
        """Whether the helpdesk refused us, so that only the export tells names."""
        ...

    def walk(self, stream: Stream) -> Walk | None:
        """The files of a stream; None where the export has none."""
        ...

    async def named(self, stream: Stream, row: Row) -> list[Named]:
        """The items of a record; none where it holds nothing that is read. Raises SOURCE_MALFORMED."""
        ...

    def id_of(self, stream: Stream, row: Row) -> str | None:
        """The item that a record which can't be read is about, where it tells."""
        ...

    async def item(self, ref: ItemRef) -> Fetched:
        """An item that `named` named, of its hint. Raises SOURCE_MALFORMED."""
        ...

    async def file(self, attachment: Attachment, ref: ItemRef) -> Attachment:
        """The attachment with an address that still works, as far as the helpdesk tells one."""
        ...

    async def ends(self) -> Sequence[Sequence[datetime]]:
        """Ask the helpdesk when its oldest tickets were made, and when its youngest: those that its list names."""
        ...

    def cursor(self, since: datetime, current: Cursor | None) -> Cursor | None:
        """The API's cursor of the tickets from a moment on; None where `current` is further."""
        ...


class ArchiveSource:
    """A Source over an export, beside the Source of its helpdesk, which it closes with itself."""

    def __init__(self, archive: Archive, shape: Shape, live: Source, *, made_at: datetime | None) -> None:
        self._archive = archive
        self._shape = shape
        self._live = live
        self._made_at = made_at
        self._walks = {stream: walk for stream in _DOC_TYPES if (walk := shape.walk(stream)) is not None}
        self._refused: AppError | None = None
        """Why no file can be had."""
        made = made_at or self._written()
        self._unsettled = None if made is None else (made - SETTLING)

    @property
    def capabilities(self) -> Capabilities:
        """What there are files for. No stream is complete: what an export leaves out is not gone."""
        return Capabilities(streams=frozenset(self._walks))

    @property
    def quota(self) -> SourceQuota:
        """The helpdesk's: calls for names and files."""
        return self._live.quota

    @property
    def unreadable(self) -> frozenset[str]:
        """What the helpdesk refused."""
        return self._live.unreadable | (frozenset({"names_and_files"}) if self._shape.alone or self._refused is not None else frozenset())

    @property
    def names(self) -> bytes | None:
        """The helpdesk's, as far as it told them."""
        return self._live.names if isinstance(self._live, KnowsNames) else None

    async def verify(self) -> CredentialReport:
        """Of the helpdesk's credentials: an export needs none."""
        return await self._live.verify()

    async def list_changes(self, cursor: Cursor, options: RunOptions) -> Listing:  # noqa: ARG002 - an export is read whole
        """The next block of records."""
        walk = self._walks[cursor.stream]
        position = msgspec.convert(cursor.position, Position)
        rows, place = await walk.read(position.place)
        seen = position.seen
        refs: list[ItemRef] = []
        for row in rows:
            try:
                if row.record is None:
                    raise AppError(Code.SOURCE_MALFORMED, row.problem)
                named = await self._shape.named(cursor.stream, row)
            except AppError as error:
                if error.retry is not Retry.LATER:
                    raise
                key = self._shape.id_of(cursor.stream, row) if row.record is not None else None
                seen = seen if key is not None else msgspec.structs.replace(seen, lost=seen.lost + 1)
                refs.append(_bad(cursor.stream, row, key, error.message))
                continue
            refs += (self._placed(each, row) for each in named)
            for each in named:
                seen = _with(seen, each)
        count = position.named + len(refs)
        then = Position(place, count, seen)
        share = walk.share()
        return Listing(
            refs=tuple(refs),
            next=Cursor(stream=cursor.stream, position=msgspec.json.decode(msgspec.json.encode(then))),
            last=not rows,
            total=max(count, round(count / share)) if cursor.stream is Stream.TICKETS and share else None,
        )

    async def fetch(self, ref: ItemRef) -> Fetched:
        """An item of the export; one that no list of it named is the helpdesk's to give."""
        if _BAD in ref.hint:
            raise AppError(Code.SOURCE_MALFORMED, str(ref.hint[_BAD]), raw=str(ref.hint.get("raw", "")).encode())
        if "file" not in ref.hint or not ref.version:
            return await self._live.fetch(ref)
        try:
            return await self._shape.item(ref)
        except AppError as error:
            if error.code is not Code.SOURCE_MALFORMED:
                raise
            where = f"Record {ref.hint['record']:,} of {ref.hint['file']}"
            raw = msgspec.json.encode(ref.hint)
            raise AppError(error.code, f"{where}: {error.message}", details=error.details, raw=raw) from error

    @asynccontextmanager
    async def download(self, attachment: Attachment, ref: ItemRef) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a file. The addresses in an export are dead: they are asked for anew, once an item."""
        if self._refused is not None:
            raise self._refused
        bare = msgspec.structs.replace(ref, version="", hint={})
        async with AsyncExitStack() as stack:
            try:
                attachment = await self._shape.file(attachment, bare)
                pieces = await stack.enter_async_context(self._live.download(attachment, bare))
            except AppError as error:
                if error.retry is not Retry.CREDENTIALS:
                    raise
                # It is asked for again with the next sync: the credentials may be good again by then.
                message = f"Its address in the export is dead, and the helpdesk gives no new one: {error.message}"
                self._refused = AppError(Code.SOURCE_UNAVAILABLE, message)
                raise self._refused from error
            yield pieces

    async def continuation(self, stream: Stream, read: Cursor, current: Cursor | None) -> Continuation | None:
        """Where the sync of the tickets goes on; articles are listed whole every time."""
        seen = msgspec.convert(read.position, Position).seen
        newest = clock.parse_time(seen.newest) if seen.newest else None
        if stream is not Stream.TICKETS or newest is None or seen.lost:
            return None
        # A later packing moves the time of the files on, never the newest change.
        since = self._made_at - LAG if self._made_at is not None else min(newest, self._written() or newest) - LONGEST_JOB
        try:
            ends = await self._shape.ends()
        except AppError:
            # Nobody tells: the next sync, when the helpdesk answers again, lists everything.
            return None
        if not all(_holds(seen, end, since) for end in ends):
            return None
        cursor = self._shape.cursor(since, current)
        return None if cursor is None else Continuation(cursor=cursor, at=since)

    async def close(self) -> None:
        """Let go of the file and of the helpdesk."""
        for walk in self._walks.values():
            walk.close()
        self._archive.close()
        await self._live.close()

    def _placed(self, named: Named, row: Row) -> ItemRef:
        """The ref with its place. What changed as the export began to be made may have changed once more in the same second."""
        unsettled = self._unsettled is not None and named.changed is not None and named.changed >= self._unsettled
        return msgspec.structs.replace(
            named.ref,
            version=f"{named.ref.version}~" if unsettled else named.ref.version,
            hint={"file": row.file, "record": row.number, **named.ref.hint},
        )

    def _written(self) -> datetime | None:
        """When the first file of the export was written, as far as a zip tells."""
        return min((member.at for walk in self._walks.values() for member in walk.members if member.at is not None), default=None)


def _holds(seen: Seen, made: Sequence[datetime], until: datetime) -> bool:
    """Whether the tickets of one end, as far as they were made before a moment, are within what was seen. None of them tells nothing."""
    before = [moment.isoformat() for moment in made if moment < until]
    return all(seen.first <= each <= seen.last for each in before) and (bool(before) or not made)


def _with(seen: Seen, named: Named) -> Seen:
    changed, made = (moment.isoformat() if moment is not None else "" for moment in (named.changed, named.made))
    return Seen(
        newest=max(seen.newest, changed),
        first=min(filter(None, (seen.first, made)), default=""),
        last=max(seen.last, made),
        lost=seen.lost,
    )


def _bad(stream: Stream, row: Row, key: str | None, problem: str) -> ItemRef:
    """A record that can't be read, on its way to the failures."""
    hint: dict[str, Any] = {
        "file": row.file,
        "record": row.number,
        _BAD: f"Record {row.number:,} of {row.file}: {problem}",
        "raw": row.raw.decode(errors="replace"),
    }
    return ItemRef(doc_type=_DOC_TYPES[stream], original_id=key or f"{row.file}#{row.number}", version="unreadable", hint=hint)
