"""Erasing reads the files of the archive that hold what is erased, and no others; nothing of another tenant."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard

from backend.core.ingest.pipeline.archive import archive_items, folder_of
from backend.core.ingest.pipeline.erase import erase_payloads
from backend.core.ingest.pipeline.taken import Taken
from backend.core.ingest.pipeline.whereabouts import key_of
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.model.sync import ItemRef, Run, RunCounts, RunOptions, RunState
from backend.core.model.tenant import SealedSecret
from backend.storage.blobs.local import LocalBlobStore, LocalBlobStores

AT = datetime(2025, 3, 1, tzinfo=UTC)
CONNECTION = Connection(connection_id="conn_1", platform="file", domain="folder", credentials=SealedSecret(""), created_at=AT)


class Counted(LocalBlobStore):
    """A folder that tells which files of the archive were read."""

    read_keys: list[str]

    async def get(self, key: str) -> bytes | None:
        if key.startswith("raw/"):
            self.read_keys.append(key)
        return await super().get(key)


def opened(tmp_path: Path, company: str) -> Counted:
    store = Counted(tmp_path / company, tmp_path / ".half-written")
    store.read_keys = []
    return store


async def archive(blobs: LocalBlobStore, page: int, ids: Sequence[str]) -> None:
    """A page of tickets."""
    run = Run(
        run_id="run_1",
        connection_id="conn_1",
        state=RunState.RUNNING,
        options=RunOptions(),
        counts=RunCounts(listed=page * 100),
        created_at=AT,
    )
    refs = [ItemRef(doc_type=DocType.TICKET, original_id=each, version="1") for each in ids]
    await archive_items(blobs, CONNECTION, run, [Taken(ref=ref, told_at=AT, changed_at=AT, item=None, raw=b'{"a":1}') for ref in refs])


async def kept(blobs: LocalBlobStore) -> list[str]:
    lines = []
    for key in await blobs.list(folder_of(CONNECTION)):
        packed = await blobs.get(key)
        assert packed is not None
        lines += [msgspec.json.decode(line)["original_id"] for line in zstandard.decompress(packed).split(b"\n")]
    return sorted(lines)


async def test_only_files_that_hold_it_are_read_once_all_are_known(tmp_path: Path) -> None:
    acme, globex = opened(tmp_path, "acme"), opened(tmp_path, "globex")
    for page in range(6):
        await archive(acme, page, [f"{page}-{number}" for number in range(20)])
        await archive(globex, page, [f"{page}-{number}" for number in range(20)])
    assert await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "0-0"), (DocType.TICKET, '문의 "1","version":')}) == 1
    assert len(acme.read_keys) == 6
    acme.read_keys.clear()
    await archive(acme, 6, ["6-0", "2-5"])
    assert await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "2-5"), (DocType.TICKET, "nobody")}) == 2
    assert len(acme.read_keys) == 2
    assert "2-5" not in await kept(acme)
    assert len(await kept(acme)) == 119
    assert globex.read_keys == []
    assert len(await kept(globex)) == 120


async def test_what_is_known_may_be_lost_or_damaged(tmp_path: Path) -> None:
    acme = opened(tmp_path, "acme")
    for page in range(3):
        await archive(acme, page, [f"{page}-0", f"{page}-1"])
    await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "0-0")})
    await acme.put(key_of(CONNECTION), b"no zstandard")
    assert await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "1-1")}) == 1
    await acme.delete(key_of(CONNECTION))
    assert await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "2-0"), (DocType.TICKET, "2-1")}) == 1
    assert await kept(acme) == ["0-1", "1-0"]


async def test_a_kill_between_the_files_and_what_is_known_leaves_nothing_behind(tmp_path: Path) -> None:
    acme = LocalBlobStores(tmp_path).open("acme")
    assert isinstance(acme, LocalBlobStore)
    await archive(acme, 0, ["1", "2"])
    await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "3")})
    before = await acme.get(key_of(CONNECTION))
    assert before is not None
    await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "1")})
    # As if it had been killed before it wrote down what it knows: the next one finds the file, and nothing left to do.
    await acme.put(key_of(CONNECTION), before)
    assert await erase_payloads(acme, CONNECTION, {(DocType.TICKET, "1")}) == 0
    assert await kept(acme) == ["2"]
