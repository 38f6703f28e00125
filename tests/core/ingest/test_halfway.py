"""What was read of a long item is found by the next process, of this tenant and this version only, and is gone once it is stored."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.core import clock
from backend.core.ingest.pipeline.halfway import KeptAnswers, folder_of
from backend.core.model.document import DocType
from backend.core.model.sync import ItemRef
from backend.core.ports.blobs import BlobStores
from backend.storage.blobs.local import LocalBlobStores

THEN = datetime(2026, 8, 1, 9, 0, tzinfo=UTC)
LONG = ItemRef(doc_type=DocType.TICKET, original_id="12", version=THEN.isoformat())
OTHER = ItemRef(doc_type=DocType.TICKET, original_id="123", version=THEN.isoformat())


@pytest.fixture
def stores(tmp_path: Path) -> BlobStores:
    return LocalBlobStores(tmp_path)


def kept(stores: BlobStores, company_id: str = "acme", connection_id: str = "conn_1") -> KeptAnswers:
    """As a process has it that has just started."""
    return KeptAnswers(stores.open(company_id), connection_id)


async def test_the_next_process_finds_it_and_nobody_else_does(stores: BlobStores) -> None:
    await kept(stores).put(LONG, THEN, 1, "대화".encode())
    assert await kept(stores).get(LONG, THEN, 1) == "대화".encode()
    assert await kept(stores).get(LONG, THEN, 2) is None
    assert await kept(stores).get(LONG, THEN + timedelta(seconds=1), 1) is None, "it changed meanwhile"
    assert await kept(stores).get(OTHER, THEN, 1) is None
    assert await kept(stores, "bravo").get(LONG, THEN, 1) is None
    assert await kept(stores, connection_id="conn_2").get(LONG, THEN, 1) is None


async def test_what_changed_only_just_now_is_not_kept(stores: BlobStores) -> None:
    now = clock.now()
    await kept(stores).put(LONG, now, 1, b"[]")
    assert await kept(stores).get(LONG, now, 1) is None


async def test_it_goes_when_the_item_is_stored_and_all_goes_at_the_end(stores: BlobStores) -> None:
    answers, files = kept(stores), stores.open("acme")
    odd = ItemRef(doc_type=DocType.ARTICLE, original_id="../나/쁨", version="1")
    for ref in (LONG, OTHER, odd):
        for number in (0, 1):
            await answers.put(ref, THEN, number, b"[]")
    assert len(await files.list(folder_of("conn_1"))) == 6
    await answers.drop([LONG])
    assert await answers.get(LONG, THEN, 1) is None
    assert await answers.get(OTHER, THEN, 1) == b"[]"
    assert await answers.get(odd, THEN, 0) == b"[]"
    await answers.clear()
    assert await files.list("") == []
    assert await answers.get(OTHER, THEN, 1) is None


async def test_a_file_that_a_power_cut_left_empty_is_asked_for_again(stores: BlobStores) -> None:
    await kept(stores).put(LONG, THEN, 1, b"[]")
    files = stores.open("acme")
    for key in await files.list(folder_of("conn_1")):
        await files.put(key, b"")
    assert await kept(stores).get(LONG, THEN, 1) is None
