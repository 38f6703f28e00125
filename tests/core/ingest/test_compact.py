"""The archive is kept small: of each item the newest payload stays, in few files, whatever interrupts it; nobody else's is touched."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from backend.core.ingest.pipeline.archive import archive_items, folder_of
from backend.core.ingest.pipeline.archived import Newest, payloads_in
from backend.core.ingest.pipeline.compact import ITEMS, SMALL, Compacted, compact_archive
from backend.core.ingest.pipeline.erase import erase_payloads
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.model.sync import ItemRef, Run, RunCounts, RunOptions, RunState
from backend.core.model.tenant import SealedSecret
from backend.core.ports.blobs import BlobStore
from backend.storage.blobs.local import LocalBlobStore

AT = datetime(2025, 3, 1, tzinfo=UTC)
CONNECTION = Connection(connection_id="conn_1", platform="paper", domain="acme.example", credentials=SealedSecret(""), created_at=AT)
Newests = dict[str, bytes]


def opened(tmp_path: Path, company: str = "acme") -> LocalBlobStore:
    return LocalBlobStore(tmp_path / company, tmp_path / ".half-written")


async def archive(blobs: BlobStore, day: int, ids: Sequence[str], page: int = 0) -> None:
    """A page of tickets, as they were on a day."""
    at = AT + timedelta(days=day)
    run = Run(
        run_id=f"run_{day}",
        connection_id="conn_1",
        state=RunState.RUNNING,
        options=RunOptions(),
        counts=RunCounts(listed=page * 100),
        created_at=at,
    )
    items = [
        Taken(
            ref=ItemRef(doc_type=DocType.TICKET, original_id=each, version=f"v{day}"),
            told_at=at,
            changed_at=at,
            item=None,
            raw=f'{{"subject":"환불 {each}","raw":"of day {day}"}}'.encode(),
        )
        for each in ids
    ]
    await archive_items(blobs, CONNECTION, run, items)


async def newest_of(blobs: BlobStore) -> Newests:
    """What a rebuild would make everything of."""
    found: Newests = {}
    keys = await blobs.list(folder_of(CONNECTION))
    with Newest() as newest:
        for collect in (False, True):
            for number, key in enumerate(keys):
                packed = await blobs.get(key)
                assert packed is not None
                if collect:
                    found |= {each.original_id: each.raw for each in newest.of(number, payloads_in(packed, key))}
                else:
                    newest.see(number, payloads_in(packed, key))
    return found


async def compacted(blobs: BlobStore) -> Compacted:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    done = await compact_archive(blobs, CONNECTION, look)
    assert looks, "whoever cancels the run is heard"
    return done


def ids(count: int, first: int = 0) -> list[str]:
    return [str(number) for number in range(first, first + count)]


async def test_old_payloads_go_and_the_newest_of_every_item_stays(tmp_path: Path) -> None:
    acme, bravo = opened(tmp_path), opened(tmp_path, "bravo")
    for blobs in (acme, bravo):
        for page in range(3):
            await archive(blobs, 0, ids(100, page * 100), page)
        for day in range(1, 20):
            await archive(blobs, day, [*ids(80), f"new-{day}"])
    before, foreign = await newest_of(acme), await bravo.list("")
    assert len(before) == 319
    done = await compacted(acme)
    assert await newest_of(acme) == before
    assert (done.whole, done.dropped) == (True, 300 + 19 * 81 - 319)
    left = await acme.list(folder_of(CONNECTION))
    assert len(left) <= 4, left
    assert done.removed == 22 - len(left) + done.written
    assert await bravo.list("") == foreign
    again = await compacted(acme)
    assert (again.dropped, await newest_of(acme)) == (0, before)


async def test_many_small_files_become_few_of_a_bounded_size(tmp_path: Path) -> None:
    blobs = opened(tmp_path)
    for day in range(60):
        await archive(blobs, day, ids(9, day * 9))
    before = await newest_of(blobs)
    done = await compacted(blobs)
    assert (done.dropped, done.removed) == (0, 60)
    keys = await blobs.list(folder_of(CONNECTION))
    assert len(keys) == -(-540 // (ITEMS // 9 * 9))
    assert await newest_of(blobs) == before
    await archive(blobs, 60, ["0", "x"])
    assert len(await newest_of(blobs)) == 541
    await compacted(blobs)
    assert (await newest_of(blobs))["0"].endswith(b'"of day 60"}')


async def test_a_file_that_is_whole_enough_is_left_as_it_is(tmp_path: Path) -> None:
    blobs = opened(tmp_path)
    await archive(blobs, 0, ids(SMALL * 2))
    await archive(blobs, 1, ids(SMALL // 2))
    [first, _] = await blobs.list(folder_of(CONNECTION))
    await archive(blobs, 2, ids(SMALL * 2, 1000))
    done = await compacted(blobs)
    assert (done.removed, done.written) == (2, 1), "a quarter of the first was old, and the second was small"
    assert first not in await blobs.list(folder_of(CONNECTION))
    assert await compacted(blobs) == Compacted()


class Killed(Exception):  # noqa: N818 - it is no error of ours
    """The process ends here."""


class Mortal(LocalBlobStore):
    """A folder whose process dies at the nth change."""

    changes: int

    async def put(self, key: str, data: bytes) -> None:
        self._live()
        await super().put(key, data)

    async def delete(self, prefix: str) -> int:
        self._live()
        return await super().delete(prefix)

    def _live(self) -> None:
        self.changes -= 1
        if self.changes < 0:
            raise Killed


@pytest.mark.parametrize("changes", range(14))
async def test_killed_between_any_two_changes_nothing_is_lost(tmp_path: Path, changes: int) -> None:
    blobs = opened(tmp_path)
    await archive(blobs, 0, ids(90))
    for day in range(1, 9):
        await archive(blobs, day, ids(30, day * 5))
    before = await newest_of(blobs)
    mortal = Mortal(tmp_path / "acme", tmp_path / ".half-written")
    mortal.changes = changes
    try:
        await compacted(mortal)
    except Killed:
        assert await newest_of(blobs) == before
    await compacted(blobs)
    await compacted(blobs)
    assert await newest_of(blobs) == before
    assert len(await blobs.list(folder_of(CONNECTION))) == 1


async def test_two_that_do_it_at_once_lose_nothing(tmp_path: Path) -> None:
    blobs = opened(tmp_path)
    for day in range(12):
        await archive(blobs, day, ids(40, day * 7))
    before = await newest_of(blobs)

    async def look() -> None:
        # Somebody else does all of it between any two steps of ours.
        await compacted(blobs)

    await compact_archive(blobs, CONNECTION, look)
    assert await newest_of(blobs) == before


async def test_what_can_not_be_read_is_left_alone(tmp_path: Path) -> None:
    blobs = opened(tmp_path)
    folder = folder_of(CONNECTION)
    await blobs.put(f"{folder}/20240101T000000-run_x-00000000-aaaaaaaa.jsonl.zst", b"no zstandard")
    strange = zstandard.compress(b'{"kind":"of another version"}\n{"doc_type":"ticket","original_id":"1","version":"v","raw":{}}')
    await blobs.put(f"{folder}/20240102T000000-run_x-00000000-bbbbbbbb.jsonl.zst", strange)
    damaged = await blobs.list(folder)
    for day in range(4):
        await archive(blobs, day, ["1", "2"])
    await compacted(blobs)
    left = await blobs.list(folder)
    assert left[:2] == damaged
    assert len(left) == 3
    assert await blobs.get(damaged[1]) == strange


async def test_older_lines_keep_the_time_that_only_the_name_of_their_file_told(tmp_path: Path) -> None:
    blobs = opened(tmp_path)
    for stamp, subject in (("20240101T000000", "old"), ("20240601T000000", "newer")):
        line = f'{{"doc_type":"ticket","original_id":"1","version":"v","raw":{{"subject":"{subject}"}}}}'
        await blobs.put(f"{folder_of(CONNECTION)}/{stamp}-run_x-00000000-aaaaaaaa.jsonl.zst", zstandard.compress(line.encode()))
    await compacted(blobs)
    [key] = await blobs.list(folder_of(CONNECTION))
    packed = await blobs.get(key)
    assert packed is not None
    [payload] = payloads_in(packed, key)
    assert (payload.told_at, payload.changed_at, payload.raw) == (datetime(2024, 6, 1, tzinfo=UTC), None, b'{"subject":"newer"}')


async def test_what_was_put_together_is_erased_like_everything_else(tmp_path: Path) -> None:
    blobs = opened(tmp_path)
    for day in range(5):
        await archive(blobs, day, [str(day), "7"])
    assert await erase_payloads(blobs, CONNECTION, {(DocType.TICKET, "3")}) == 1
    await compacted(blobs)
    assert await erase_payloads(blobs, CONNECTION, {(DocType.TICKET, "7")}) == 1
    assert sorted(await newest_of(blobs)) == ["0", "1", "2", "4"]
