"""What is known of the indexes of all tenants without opening one: how many Documents they hold, and which may be tidied."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient

from backend.core.model.search import Makers
from backend.storage.qdrant import engine, opened
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.qdrant.server import Layout
from tests.contract.vectors import MAKERS, OTHERS, doc, docs, many, points_of


def _edge(root: Path, makers: Makers = MAKERS) -> EdgeIndexes:
    return EdgeIndexes(root / "index", makers)


async def _held(root: Path, company_id: str, makers: Makers = MAKERS) -> int | None:
    """As the next process knows it."""
    indexes = _edge(root, makers)
    try:
        return await indexes.held(company_id)
    finally:
        await indexes.close()


async def _write(indexes: EdgeIndexes | ClientIndexes, company_id: str, count: int) -> None:
    points = many(count, random.Random(count))
    await (await indexes.open(company_id)).replace(docs(points), points)


async def test_an_index_that_was_closed_tells_how_many_documents_it_holds(tmp_path: Path) -> None:
    indexes = _edge(tmp_path)
    assert await indexes.held("acme") == 0
    await _write(indexes, "acme", 7)
    await _write(indexes, "globex", 3)
    assert await indexes.held("acme") is None, "it may lose what was written last"
    await indexes.close()
    again = _edge(tmp_path)
    assert [await again.held(company_id) for company_id in ("acme", "globex", "initech")] == [7, 3, 0]
    assert not any(again.shards.is_open((company_id, MAKERS)) for company_id in ("acme", "globex", "initech"))
    assert (await (await again.open("acme")).count())[1] == 7
    assert await again.held("acme") == 7, "reading loses nothing"
    await (await again.open("acme")).delete(docs(many(1, random.Random(7))))
    assert (await again.held("acme"), await again.held("globex")) == (None, 3)
    await again.close()
    assert await _held(tmp_path, "acme") == 6


async def test_a_sealed_index_tells_it_too_and_one_by_other_makers_does_not(tmp_path: Path) -> None:
    indexes = _edge(tmp_path)
    await _write(indexes, "acme", 5)
    await (await indexes.open("acme")).purge()
    assert await indexes.held("acme") is None
    await indexes.close()
    assert await _held(tmp_path, "acme") == 5
    assert await _held(tmp_path, "acme", OTHERS) is None


@pytest.mark.parametrize("few", [0, 20_000])
async def test_what_is_counted_once_is_kept_right_by_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(opened, "_COUNTED", few)
    rng, there = random.Random(few), dict[str, int]()
    indexes = _edge(tmp_path)
    for _ in range(60):
        index = await indexes.open("acme")
        numbers = rng.sample(range(30), rng.randint(1, 8))
        owners = [doc(number) for number in numbers]
        there = {owner: count for owner, count in there.items() if owner not in owners}
        if rng.random() < 0.3:
            await index.delete(owners)
        else:
            points = [point for number in numbers if rng.random() < 0.8 for point in points_of(number, rng)]
            await index.replace(owners, points)
            there |= Counter(point.chunk.document_id for point in points)
        if rng.random() < 0.5:
            assert await index.count() == (sum(there.values()), len(there))
        if rng.random() < 0.1:
            await index.count()
            await indexes.close()
            assert await _held(tmp_path, "acme") == len(there)
            indexes = _edge(tmp_path)
    with indexes.shards.lease(("acme", MAKERS)) as entry:
        assert entry is not None
        assert (engine.count_points(entry.shard), engine.count_documents(entry.shard)) == (sum(there.values()), len(there))
    await indexes.close()


_WRITER = """
import asyncio, os, random, signal, sys
from pathlib import Path
from backend.storage.qdrant.edge import EdgeIndexes
from tests.contract.vectors import MAKERS, docs, many

async def main():
    indexes = EdgeIndexes(Path(sys.argv[1]), MAKERS)
    await (await indexes.open("globex")).count()
    points = many(9, random.Random(9))
    await (await indexes.open("acme")).replace(docs(points), points)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_behind_a_kill_only_what_was_written_to_has_to_be_counted(tmp_path: Path) -> None:
    indexes = _edge(tmp_path)
    await _write(indexes, "acme", 4)
    await _write(indexes, "globex", 4)
    await indexes.close()
    ended = subprocess.run([sys.executable, "-c", _WRITER, str(tmp_path / "index")], check=False, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    again = _edge(tmp_path)
    assert (await again.held("acme"), await again.held("globex")) == (None, 4)
    assert (await (await again.open("acme")).count())[1] == 9
    await again.close()


@pytest.mark.parametrize("text", ["", "7", "seven\n"])
async def test_a_number_that_was_half_written_is_none(tmp_path: Path, text: str) -> None:
    indexes = _edge(tmp_path)
    await _write(indexes, "acme", 7)
    await indexes.close()
    (file,) = (tmp_path / "index").rglob("documents")
    file.write_text(text)
    again = _edge(tmp_path)
    assert await again.held("acme") is None
    await (await again.open("acme")).count()
    await again.close()
    assert await _held(tmp_path, "acme") == 7, "it was counted when it was closed"


async def test_those_with_more_than_one_index_may_be_tidied(tmp_path: Path) -> None:
    before = _edge(tmp_path)
    await _write(before, "acme", 2)
    await _write(before, "globex", 2)
    await before.close()
    indexes = _edge(tmp_path, OTHERS)
    assert await indexes.untidy(["acme", "globex", "initech"]) == []
    assert await indexes.building("acme") is not None
    assert await indexes.untidy(["acme", "globex", "initech"]) == ["acme"]
    await indexes.switch("acme")
    await indexes.tidy("acme")
    assert await indexes.untidy(["acme", "globex", "initech"]) == []
    await indexes.close()


@pytest.mark.parametrize("shared", [False, True])
async def test_a_server_tells_who_has_none_and_who_has_several(shared: bool) -> None:
    client = AsyncQdrantClient(":memory:")
    before = ClientIndexes(lambda: client, MAKERS, Layout(shared=shared))
    await _write(before, "acme", 2)
    await _write(before, "globex", 2)
    indexes = ClientIndexes(lambda: client, OTHERS, Layout(shared=shared))
    assert [await indexes.held(company_id) for company_id in ("acme", "initech")] == [None, 0]
    assert await indexes.untidy(["acme", "globex", "initech"]) == []
    assert await indexes.building("acme") is not None
    # In a shared collection anybody may have points.
    assert await indexes.untidy(["acme", "globex", "initech"]) == (["acme", "globex", "initech"] if shared else ["acme"])
    await indexes.close()
