"""What only the embedded index promises: few open shards, one process, nothing lost when it is killed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.search import Point
from backend.storage.qdrant import collections, engine
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.qdrant.filters import of_documents
from tests.contract.vectors import MAKERS, doc, points_of, question


def _edge(root: Path, *, max_open: int = 32) -> EdgeIndexes:
    return EdgeIndexes(root / "index", MAKERS, max_open=max_open)


def _many(count: int, rng: random.Random) -> list[Point]:
    return [point for number in range(count) for point in points_of(number, rng)]


def _docs(points: list[Point]) -> set[str]:
    return {point.chunk.document_id for point in points}


async def test_few_shards_stay_open_and_all_answer(tmp_path: Path) -> None:
    indexes = _edge(tmp_path, max_open=2)
    points = _many(2, random.Random(12))
    names = [f"tenant-{number}" for number in range(5)]
    for name in names:
        await (await indexes.open(name)).replace(_docs(points), points)
    for name in names:
        assert (await (await indexes.open(name)).count())[1] == 2
    await indexes.close()


class _Watched(str):
    """A company's id that counts how often it is looked at."""

    __slots__ = ("looks",)

    def __hash__(self) -> int:
        self.looks = getattr(self, "looks", 0) + 1
        return super().__hash__()


async def test_a_search_does_not_look_at_the_other_open_shards(tmp_path: Path) -> None:
    indexes = _edge(tmp_path)
    names = [_Watched(f"tenant-{number}") for number in range(5)]
    for name in names:
        await indexes.open(name)
    before = [name.looks for name in names]
    index = await indexes.open(names[0])
    await index.search(question(random.Random(15)))
    after = [name.looks for name in names]
    assert after[0] > before[0]
    assert after[1:] == before[1:]
    await indexes.close()


async def test_an_index_that_nobody_changed_is_counted_once(tmp_path: Path) -> None:
    indexes = _edge(tmp_path)
    points = _many(4, random.Random(16))
    acme, other = await indexes.open("acme"), await indexes.open("other")
    await acme.replace(_docs(points), points)
    assert (await acme.count())[1] == 4
    with indexes.shards.lease(("acme", MAKERS)) as opened:
        assert opened is not None
        # Behind its back: who counts again sees it.
        engine.remove(opened.shard, of_documents([doc(0)]))
    again = await indexes.open("acme")
    assert (await again.count())[1] == 4, "counted anew"
    await other.replace(_docs(points[:1]), points[:1])
    assert ((await again.count())[1], (await other.count())[1]) == (4, 1)
    await again.delete([doc(1)])
    assert (await acme.count())[1] == 2
    await indexes.drop("acme")
    assert (await (await indexes.open("acme")).count()) == (0, 0)
    await indexes.close()


async def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    first, second = _edge(tmp_path), _edge(tmp_path)
    await first.open("acme")
    with pytest.raises(AppError, match="Another Desklore process holds the data folder") as caught:
        await second.open("globex")
    assert caught.value.code is Code.INDEX_UNAVAILABLE
    await first.close()
    await second.open("globex")
    await second.close()
    with pytest.raises(AppError, match="closed"):
        await second.open("acme")


async def test_an_old_handle_does_not_bring_a_dropped_tenant_back(tmp_path: Path) -> None:
    indexes = _edge(tmp_path)
    index = await indexes.open("acme")
    points = _many(2, random.Random(13))
    await indexes.drop("acme")
    await index.replace(_docs(points), points)
    assert await index.search(question(random.Random(14))) == []
    assert not (tmp_path / "index" / "acme").exists()
    await indexes.close()


_WRITER = """
import asyncio, random, sys
from pathlib import Path
from backend.storage.qdrant import collections
from backend.storage.qdrant.edge import EdgeIndexes
from tests.contract.vectors import MAKERS, doc, points_of

async def main():
    index = await EdgeIndexes(Path(sys.argv[1]), MAKERS).open("acme")
    for start in range(0, 100_000, 8):
        rng = random.Random(start)
        points = [point for number in range(start, start + 8) for point in points_of(number, rng)]
        await index.replace([doc(number) for number in range(start, start + 8)], points)
        print(start, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    root = tmp_path / "index"
    for kill in range(2):
        last = _write_until_killed(root, 400 * (kill + 1))
        indexes = EdgeIndexes(root, MAKERS)
        index = await indexes.open("acme")
        for start in (0, 160, last - 8, last):
            assert await index.chunks(doc(start)) == [p.chunk for p in _batch(start) if p.chunk.document_id == doc(start)]
        documents = (await index.count())[1]
        # The batch under way when it died may be there in part; sending it again makes it whole.
        assert last + 8 <= documents <= last + 24
        await index.replace([doc(number) for number in range(last + 8, last + 16)], _batch(last + 8))
        assert await index.chunks(doc(last + 15)) == [p.chunk for p in _batch(last + 8) if p.chunk.document_id == doc(last + 15)]
        await indexes.close()


def _write_until_killed(root: Path, enough: int) -> int:
    """Start a process that writes, kill it when it has acknowledged `enough`, and tell its last acknowledgment."""
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(root)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = map(int, child.stdout)
        last = next(number for number in told if number >= enough)
        os.kill(child.pid, signal.SIGKILL)
        # On a busy machine it has gone on for a while before it dies.
        return max(told, default=last)


def _batch(start: int) -> list[Point]:
    rng = random.Random(start)
    return [point for number in range(start, start + 8) for point in points_of(number, rng)]


async def test_a_full_disk_is_told_where_an_index_is_named(tmp_path: Path) -> None:
    indexes = EdgeIndexes(tmp_path, MAKERS)
    making = collections.pointer_file(tmp_path, "acme").with_suffix(".making")
    making.parent.mkdir(parents=True)
    making.symlink_to("/dev/full")
    try:
        with pytest.raises(AppError) as caught:
            await indexes.open("acme")
        assert caught.value.code is Code.STORAGE_FULL
        making.unlink()
        await indexes.open("acme")
    finally:
        await indexes.close()


async def test_the_last_of_the_disk_is_left_alone(tmp_path: Path) -> None:
    indexes = EdgeIndexes(tmp_path, MAKERS)
    try:
        index, points = await indexes.open("acme"), points_of(1, random.Random(1))
        await index.replace(_docs(points), points)
        indexes.shards.reserved = 1 << 60
        for refused in (index.replace(_docs(points), points), index.delete(_docs(points)), indexes.open("bravo")):
            with pytest.raises(AppError) as caught:
                await refused
            assert caught.value.code is Code.STORAGE_FULL
        assert (await index.count())[0] == len(points), "what is open is searched as before"
        indexes.shards.reserved = 0
        await index.delete(_docs(points))
        assert (await (await indexes.open("bravo")).count())[0] == 0
    finally:
        await indexes.close()
