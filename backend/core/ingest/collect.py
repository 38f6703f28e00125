"""Pull changed items from a Source, page by page; what cannot be read becomes an ItemFailure."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from msgspec import Struct, structs

from backend.core import clock
from backend.core.errors import AppError, Code, Retry
from backend.core.model.sync import Cursor, ItemFailure, ItemRef, Listing, RunOptions, Unread
from backend.core.model.ticket import Presence
from backend.core.ports.source import Source

PAGES_AHEAD = 4
"""Pages on their way at once: one being stored, the others being read, and few enough that memory does not depend on
how many items there are."""
ITEMS_AT_ONCE = 64
"""Items of a stream being read at once: enough for every connection while some wait for the text of a file, and fewer
than a page, so that pages are ready one after the other and not all at the same time."""

_GONE = frozenset({Presence.DELETED, Presence.SPAM, Presence.PURGED})
"""What a listing names only to tell that it is not there any more."""

T = TypeVar("T")
_Listed = tuple[datetime, Listing]
"""A page, and when it was asked for."""


class Reading(Protocol[T]):
    """What is done with the items that a listing names."""

    async def wanted(self, refs: Sequence[ItemRef]) -> list[ItemRef]:
        """Of the listed items, those that have to be read: the others are stored in this version already."""
        ...

    async def read_together(self, refs: Sequence[ItemRef]) -> "Together[T]":
        """Those that the source has at hand at once; the others are left to be read one by one."""
        ...

    async def read(self, ref: ItemRef) -> T:
        """One item; raises AppError where it can't be read."""
        ...

    async def complete(self, items: Sequence[T]) -> list[T]:
        """The items of a page, with what is made of them together."""
        ...


class Together(Struct, Generic[T], frozen=True, kw_only=True):
    """What came of reading many items at once."""

    items: tuple[T, ...] = ()
    failures: tuple[ItemFailure, ...] = ()
    gone: tuple[ItemRef, ...] = ()
    left: tuple[ItemRef, ...] = ()
    """Still to be read."""


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """What one page of a listing came to; the caller keeps it and its cursor together."""

    cursor: Cursor | None
    """Where the stream goes on; None for items that were read out of turn."""
    last: bool = True
    listed: int = 0
    unchanged: int = 0
    total: int | None = None
    items: tuple[T, ...]
    failures: tuple[ItemFailure, ...]
    anew: bool = False
    """A listing of everything began with it."""
    again: bool = False
    """Nothing was listed: its items could not be taken before."""
    named: tuple[ItemRef, ...] = ()
    """What the listing named as there, changed or not."""
    gone: tuple[ItemRef, ...]
    """Named as deleted or spam, or no longer there when they were about to be read; each with its `told_at`."""
    unread: tuple[Unread, ...] = ()
    """What the listing could not look at."""


async def collect(source: Source, cursor: Cursor, options: RunOptions, reading: Reading[T]) -> AsyncGenerator[Page[T], None]:
    """Yield pages in order until the source has no more, reading the next ones meanwhile.

    Raises the AppError of a source that is down or rejects us: what was yielded before is good, the rest is asked for
    again from the last cursor that was kept.
    """
    gate = asyncio.Semaphore(ITEMS_AT_ONCE)
    ahead: deque[asyncio.Task[Page[T]]] = deque()
    listing: asyncio.Task[_Listed] | None = asyncio.create_task(_list(source, cursor, options))
    try:
        while listing is not None or ahead:
            if listing is not None and len(ahead) < PAGES_AHEAD:
                # The oldest page may be ready long before the next listing: whichever comes first is served first.
                await asyncio.wait([listing, ahead[0]] if ahead else [listing], return_when=asyncio.FIRST_COMPLETED)
                if listing.done():
                    asked, found = listing.result()
                    # First of all the next page is asked for: the list can only be read one page after the other.
                    listing = None if found.last else asyncio.create_task(_list(source, found.next, options))
                    ahead.append(asyncio.create_task(_read_page(found, asked, reading, gate)))
                    continue
            yield await ahead.popleft()
    finally:
        unfinished = [task for task in (listing, *ahead) if task is not None]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)


async def read_refs(
    refs: Sequence[ItemRef], read: Callable[[ItemRef], Awaitable[T]], gate: asyncio.Semaphore
) -> tuple[list[T], list[ItemFailure], list[ItemRef]]:
    """Read items side by side, in order as far as `gate` lets them: those that were read, that failed, that are gone.

    Raises the first AppError that concerns the whole source.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_try(ref, read, gate)) for ref in refs]
    except* AppError as errors:
        raise errors.exceptions[0] from None
    items: list[T] = []
    failures: list[ItemFailure] = []
    gone: list[ItemRef] = []
    for task in tasks:
        result = task.result()
        if isinstance(result, ItemFailure):
            failures.append(result)
        elif isinstance(result, ItemRef):
            gone.append(result)
        else:
            items.append(result)
    return items, failures, gone


async def _list(source: Source, cursor: Cursor, options: RunOptions) -> _Listed:
    asked = clock.now()
    return asked, await source.list_changes(cursor, options)


async def _read_page(listing: Listing, asked: datetime, reading: Reading[T], gate: asyncio.Semaphore) -> Page[T]:
    # An item may be made of its row, so it is as old as the listing.
    refs = [ref if ref.told_at is not None else structs.replace(ref, told_at=asked) for ref in listing.refs]
    gone = [ref for ref in refs if ref.presence in _GONE]
    live = [ref for ref in refs if ref.presence not in _GONE]
    # A listing may name an item twice, when it changed between two pages.
    changed = await reading.wanted(list({ref.original_id: ref for ref in live}.values()))
    at_once = await reading.read_together(changed)
    items, failures, vanished = await read_refs(at_once.left, reading.read, gate)
    return Page(
        cursor=listing.next,
        last=listing.last,
        listed=len(listing.refs),
        unchanged=len(live) - len(changed),
        total=listing.total,
        anew=listing.anew,
        items=tuple(await reading.complete([*at_once.items, *items])),
        failures=(*at_once.failures, *failures),
        named=tuple(live),
        gone=(*gone, *at_once.gone, *vanished),
        unread=listing.unread,
    )


async def _try(ref: ItemRef, read: Callable[[ItemRef], Awaitable[T]], gate: asyncio.Semaphore) -> T | ItemFailure | ItemRef:
    """The item, why it can't be read, or the ref of one that is gone."""
    asked = clock.now()
    try:
        async with gate:
            asked = clock.now()
            return await read(ref)
    except AppError as error:
        return outcome_of(ref, error, asked)


def outcome_of(ref: ItemRef, error: AppError, asked: datetime) -> ItemFailure | ItemRef:
    """What an error means for an item that was asked for then: why it can't be read, or its ref where it is gone.

    Raises what concerns the whole source.
    """
    if error.code is Code.SOURCE_ITEM_NOT_FOUND:
        # It was there a moment ago, so it went the usual way.
        return structs.replace(ref, presence=Presence.DELETED, told_at=asked)
    # A dead source must stop the run; only a bad item may be set aside.
    if error.retry in (Retry.SOURCE_DOWN, Retry.CREDENTIALS):
        raise error
    return ItemFailure(
        doc_type=ref.doc_type,
        original_id=ref.original_id,
        code=error.code,
        message=error.message,
        at=clock.now(),
        hint=ref.hint,
        raw=error.raw,
    )
