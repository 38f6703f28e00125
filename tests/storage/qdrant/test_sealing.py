"""What is moved out of memory is found as before, whatever becomes of the process that moves it."""

import os
import random
import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from backend.core.model.search import Found, Point
from backend.storage.qdrant import sealing
from backend.storage.qdrant.collections import shard_folder
from backend.storage.qdrant.edge import EdgeIndex, EdgeIndexes
from tests.contract.vectors import MAKERS, doc, points_of, question

DOCUMENTS = 800
ENOUGH = 1_500
"""Of 800 Documents' points, and of so many that the engine takes them for worth sealing."""


def _points(numbers: Sequence[int], seed: int) -> list[Point]:
    rng = random.Random(seed)
    return [point for number in numbers for point in points_of(number, rng)]


async def _write(index: EdgeIndex, numbers: Sequence[int], seed: int) -> None:
    await index.replace([doc(number) for number in numbers], _points(numbers, seed))


async def _ask(index: EdgeIndex) -> list[list[tuple[str, str]]]:
    """What is found for some questions, best first."""
    return [_told(await index.search(question(random.Random(seed)))) for seed in range(5)]


def _told(found: Sequence[Found]) -> list[tuple[str, str]]:
    return [(each.point.point_id, each.point.chunk.text) for each in found]


def _lies_in(root: Path) -> list[str]:
    shard = shard_folder(root, "acme", MAKERS)
    return [path.name.removeprefix(shard.name) for path in sorted(shard.parent.glob(f"{shard.name}*"))]


async def _closed(root: Path) -> tuple[Path, list[list[tuple[str, str]]]]:
    """Where a closed index of twenty Documents lies, and what is found in it."""
    indexes = EdgeIndexes(root, MAKERS)
    index = await indexes.open("acme")
    await _write(index, range(20), 1)
    found = await _ask(index)
    await indexes.close()
    return shard_folder(root, "acme", MAKERS), found


async def test_sealed_points_are_found_changed_and_deleted_as_before(tmp_path: Path) -> None:
    sealing_indexes, plain_indexes = EdgeIndexes(tmp_path / "a", MAKERS, seal_at=ENOUGH), EdgeIndexes(tmp_path / "b", MAKERS)
    sealed, plain = await sealing_indexes.open("acme"), await plain_indexes.open("acme")
    for index in (sealed, plain):
        await _write(index, range(DOCUMENTS), 1)
    assert _lies_in(tmp_path / "a") == [".g1"]
    assert _lies_in(tmp_path / "b") == [""]
    assert await sealed.count() == await plain.count()
    assert await _ask(sealed) == await _ask(plain)
    for index in (sealed, plain):
        await _write(index, range(0, 40, 2), 2)
        await index.delete([doc(number) for number in range(100, 140)])
    assert await sealed.count() == await plain.count()
    assert await sealed.chunks(doc(4)) == await plain.chunks(doc(4)) != []
    assert await sealed.chunks(doc(120)) == []
    for index in (sealed, plain):
        await _write(index, range(DOCUMENTS, 2 * DOCUMENTS), 3)
    assert _lies_in(tmp_path / "a") == [".g2"]
    before = await _ask(sealed)
    await sealing_indexes.close()
    await plain_indexes.close()

    reopened = EdgeIndexes(tmp_path / "a", MAKERS, seal_at=ENOUGH)
    index = await reopened.open("acme")
    plain_again = EdgeIndexes(tmp_path / "b", MAKERS)
    assert await _ask(index) == before
    assert await index.count() == await (await plain_again.open("acme")).count()
    await reopened.drop("acme")
    assert not (tmp_path / "a" / "acme").exists()
    await reopened.close()
    await plain_again.close()


async def test_what_a_killed_process_left_is_tidied_up(tmp_path: Path) -> None:
    root = tmp_path / "index"
    shard, before = await _closed(root)
    # Killed when the sealed copy was whole and the one before it not yet deleted, and once more while the next was being made.
    shutil.copytree(shard, shard.with_name(f"{shard.name}.g1"))
    shutil.copytree(shard, shard.with_name(f"{shard.name}.sealing-1"))
    again = EdgeIndexes(root, MAKERS)
    index = await again.open("acme")
    assert _lies_in(root) == [".g1"]
    assert await _ask(index) == before
    await again.tidy("acme")
    assert _lies_in(root) == [".g1"]
    await again.close()


async def test_an_index_that_can_not_be_sealed_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "index"
    indexes = EdgeIndexes(root, MAKERS, seal_at=20)
    index = await indexes.open("acme")
    # No folder can be made where a file lies.
    blocked = shard_folder(root, "acme", MAKERS).with_name(f"{shard_folder(root, 'acme', MAKERS).name}.sealing-{os.getpid()}")
    blocked.write_text("", encoding="utf-8")
    await _write(index, range(20), 1)
    assert await index.chunks(doc(7))
    blocked.unlink()
    await _write(index, range(20, 40), 1)
    assert _lies_in(root) == [".g1"]
    assert (await index.count())[1] == 40
    await indexes.close()


async def test_a_process_that_dies_is_done_without(tmp_path: Path) -> None:
    root = tmp_path / "index"
    shard, _ = await _closed(root)

    def kill(process: BaseProcess) -> None:
        process.kill()

    assert sealing.sealed(shard, shard, MAKERS.dimension, began=kill) is None
    assert _lies_in(root) == [""]


async def test_the_next_process_knows_how_much_is_not_sealed(tmp_path: Path) -> None:
    root, seal_at = tmp_path / "index", 100
    for start, lies_in in ((0, [""]), (20, [""]), (40, [".g1"]), (60, [".g1"]), (80, [".g1"]), (100, [".g2"])):
        # Each writes some 70 changes: 20 Documents and their points. What one process wrote, its successors count too.
        indexes = EdgeIndexes(root, MAKERS, seal_at=seal_at * 2)
        index = await indexes.open("acme")
        await _write(index, range(start, start + 20), start)
        assert _lies_in(root) == lies_in, start
        assert (await index.count())[1] == start + 20
        await indexes.close()


async def test_a_folder_from_before_is_counted_as_a_whole(tmp_path: Path) -> None:
    root = tmp_path / "index"
    shard, before = await _closed(root)
    shard.rename(shard.with_name(f"{shard.name}.g1"))
    (shard.with_name(f"{shard.name}.g1") / "unsealed").unlink()
    again = EdgeIndexes(root, MAKERS, seal_at=40)
    index = await again.open("acme")
    assert await _ask(index) == before
    await _write(index, range(20, 21), 1)
    assert _lies_in(root) == [".g2"]
    await again.close()


async def test_a_process_that_outlives_a_killed_one_is_in_nobodys_way(tmp_path: Path) -> None:
    root = tmp_path / "index"
    shard, _ = await _closed(root)
    indexes = EdgeIndexes(root, MAKERS, seal_at=40)
    index = await indexes.open("acme")
    # What a killed process began still writes into its own folder, whatever was deleted of that.
    lefts_place = shard.with_name(f"{shard.name}.sealing-1") / "segments"
    held = threading.Event()

    def write() -> None:
        while not held.wait(0.001):
            with suppress(OSError):
                lefts_place.mkdir(parents=True, exist_ok=True)

    with ThreadPoolExecutor(1) as left:
        writing = left.submit(write)
        try:
            await _write(index, range(20, 40), 1)
        finally:
            held.set()
            writing.result()
    assert ".g1" in _lies_in(root)
    assert (await index.count())[1] == 40
    await indexes.close()
    again = EdgeIndexes(root, MAKERS)
    assert (await (await again.open("acme")).count())[1] == 40
    assert _lies_in(root) == [".g1"]
    await again.close()
