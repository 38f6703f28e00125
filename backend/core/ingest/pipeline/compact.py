"""Keep the archive of payloads small: of each item the newest payload, in few files (SPEC J4).

Only within a run: a connection has one at a time, so nothing is rebuilt of files that vanish, and nothing that was erased is written
anew. Files are only ever added and taken away whole, and what takes the place of some is on the disk before they go.
See docs/decisions/0051-what-piles-up.md.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final

import structlog
import zstandard
from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError
from backend.core.ingest.pipeline.archive import folder_of, line_of
from backend.core.ingest.pipeline.archived import Newest, Payload, payloads_in
from backend.core.model.connection import Connection
from backend.core.model.erasure import ErasureState
from backend.core.ports.blobs import BlobStore
from backend.core.ports.services import Services

log = structlog.get_logger()

ITEMS: Final = 200
"""A file that takes the place of others has at most so many items: a rebuild makes those of one at once."""
SMALL: Final = 50
"""A file of fewer is put together with others."""
DEAD: Final = 0.25
"""A file of which so large a share is old payloads is written anew without them."""
MOST_GROUPS: Final = 500
"""So much is done at once; the next run goes on."""
_LOOKED_THROUGH: Final = 25
_ENDING: Final = ".jsonl.zst"
_ANEW: Final = "~"
"""Stands before how often a file was put together; it sorts behind the names of those whose place it takes."""

Look = Callable[[], Awaitable[None]]
"""Raises where the run was canceled, or something else is to go first."""


class _ErasingError(Exception):
    """A person is being erased: what was read before must not be written after it."""


class Compacted(Struct, kw_only=True):
    """What became of an archive."""

    removed: int = 0
    """Files."""
    written: int = 0
    dropped: int = 0
    """Old payloads."""
    whole: bool = True
    """Whether nothing was left for the next time."""


class _File(Struct, frozen=True):
    number: int
    key: str
    held: int
    """Payloads."""
    live: int
    """Of these, the newest of their items."""


async def compact_when_due(services: Services, company_id: str, connection: Connection, look: Look) -> bool:
    """Compact the archive where that was last done long ago; whether all of it was done. Nothing that fails in it is the run's failure."""
    days, now = services.policy.retention.archive_days, clock.now()
    if not days or now - (connection.compacted_at or connection.created_at) < timedelta(days=days):
        return False

    async def calm() -> None:
        # One file may be written still. The erasure goes on for seconds until it finds nothing any more, and finds that too.
        await look()
        async with services.database.open(company_id) as uow:
            if any(each.state is ErasureState.RUNNING for each in await uow.erasures.list()):
                raise _ErasingError

    try:
        await calm()
        done = await compact_archive(services.blobs.open(company_id), connection, calm)
    except _ErasingError:
        return False
    except AppError as error:
        log.warning("archive_not_compacted", connection_id=connection.connection_id, code=error.code.value, message=error.message)
        return False
    for outcome, files in (("removed", done.removed), ("written", done.written)):
        services.meter.count("archive_files", files, outcome=outcome)
    if done.removed:
        log.info(
            "archive_compacted",
            connection_id=connection.connection_id,
            removed=done.removed,
            written=done.written,
            dropped=done.dropped,
        )
    return done.whole


async def compact_archive(blobs: BlobStore, connection: Connection, look: Look) -> Compacted:
    """Drop old payloads and put small files together. Killed anywhere, it has lost nothing: the next one goes on."""
    done = Compacted()
    with Newest() as newest:
        files = await _looked_through(blobs, await blobs.list(folder_of(connection)), newest, look)
        groups = list(_groups(files))
        done.whole = len(groups) <= MOST_GROUPS
        for group in groups[:MOST_GROUPS]:
            await look()
            await _put_together(blobs, newest, group, done)
        for file in files:
            if not file.live:
                await _remove(blobs, file, done)
    return done


async def _looked_through(blobs: BlobStore, keys: Sequence[str], newest: Newest, look: Look) -> list[_File]:
    """The files of which every line can be read, with what counts in them; others are left as they are."""
    held: dict[int, int] = {}
    for number, key in enumerate(keys):
        if number % _LOOKED_THROUGH == 0:
            await look()
        packed = await blobs.get(key)
        if packed is not None:
            lines, readable = await asyncio.to_thread(_see, newest, number, packed, key)
            if readable and lines:
                held[number] = lines
    live = await asyncio.to_thread(newest.by_file)
    return [_File(number, keys[number], count, live.get(number, 0)) for number, count in held.items()]


def _see(newest: Newest, number: int, packed: bytes, key: str) -> tuple[int, bool]:
    """How many payloads a file has, and whether these are all of its lines."""
    try:
        lines = zstandard.decompress(packed).count(b"\n") + 1
        payloads = list(payloads_in(packed, key))
    except zstandard.ZstdError:
        return 0, False
    newest.see(number, payloads)
    return len(payloads), len(payloads) == lines


def _groups(files: Sequence[_File]) -> Iterator[list[_File]]:
    """Files that become one, in order."""
    group: list[_File] = []
    for file in files:
        if not file.live or (file.live >= SMALL and file.held - file.live < DEAD * file.held):
            continue
        if group and sum(each.live for each in group) + file.live > ITEMS:
            yield from _worth_it(group)
            group = []
        group.append(file)
    yield from _worth_it(group)


def _worth_it(group: list[_File]) -> Iterator[list[_File]]:
    if len(group) > 1 or any(file.live < file.held for file in group):
        yield group


async def _put_together(blobs: BlobStore, newest: Newest, group: Sequence[_File], done: Compacted) -> None:
    """One file in the place of several: written first, and what it takes the place of removed then."""
    kept: list[Payload] = []
    for file in group:
        packed = await blobs.get(file.key)
        if packed is None:
            # Somebody who does the same beside us has put it together already.
            return
        kept += await asyncio.to_thread(_of, newest, file, packed)
    data = await asyncio.to_thread(_packed, kept)
    await blobs.put(_name_behind(group[-1].key, data), data)
    done.written += 1
    for file in group:
        await _remove(blobs, file, done)


def _of(newest: Newest, file: _File, packed: bytes) -> list[Payload]:
    return newest.of(file.number, payloads_in(packed, file.key))


async def _remove(blobs: BlobStore, file: _File, done: Compacted) -> None:
    done.removed += await blobs.delete(file.key)
    done.dropped += file.held - file.live


def _packed(payloads: Sequence[Payload]) -> bytes:
    """A file of these. When each was asked for stands in its line: of older lines it was known by the name of their file."""
    lines = [
        line_of(each.doc_type, each.original_id, each.version, told_at=each.told_at, changed_at=each.changed_at, raw=each.raw)
        for each in payloads
    ]
    return zstandard.compress(b"\n".join(lines))


def _name_behind(key: str, data: bytes) -> str:
    """A name that sorts right behind this one: of payloads of one moment those of the later file count."""
    stem, _, before = key.removesuffix(_ENDING).partition(_ANEW)
    times = int(before.partition("-")[0]) + 1 if before else 1
    return f"{stem}{_ANEW}{times:06d}-{hashlib.sha256(data).hexdigest()[:8]}{_ENDING}"
