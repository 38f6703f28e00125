"""Of an item's payloads in the archive the newest counts, by when the helpdesk was asked and not by the names of files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from backend.core import clock
from backend.core.ingest.pipeline.archive import archive_items, folder_of
from backend.core.ingest.pipeline.archived import Newest, Payload, payloads_in
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.model.sync import ItemRef, Run, RunCounts, RunOptions, RunState
from backend.core.model.tenant import SealedSecret
from backend.storage.blobs.local import LocalBlobStores

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def _payload(told: timedelta, changed: timedelta | None = timedelta(), original_id: str = "7") -> Payload:
    return Payload(
        doc_type=DocType.TICKET,
        original_id=original_id,
        version="v",
        told_at=NOON + told,
        changed_at=None if changed is None else NOON + changed,
        raw=b"{}",
    )


def _winner(*payloads: Payload) -> Payload:
    """Of these, each in a file of its own, the one that counts."""
    with Newest() as newest:
        for number, payload in enumerate(payloads):
            newest.see(number, [payload])
        [(number, found)] = [(n, each) for n, payload in enumerate(payloads) for each in newest.of(n, [payload])]
        assert (payloads[number], newest.count()) == (found, 1)
        return found


MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
"""A webhook's read of a ticket, within a long sync that began before and wrote its file after."""


@pytest.mark.parametrize(
    ("payloads", "wins"),
    [
        ((_payload(MINUTE), _payload(2 * MINUTE)), 1),
        ((_payload(2 * MINUTE), _payload(MINUTE)), 0),
        # A translation was removed, which takes back the time of the change.
        ((_payload(MINUTE, SECOND), _payload(2 * MINUTE, -SECOND)), 1),
        # Side by side, on two machines whose clocks differ: the helpdesk's own time tells.
        ((_payload(MINUTE, 2 * SECOND), _payload(MINUTE + SECOND, SECOND)), 0),
        ((_payload(MINUTE + SECOND, SECOND), _payload(MINUTE, 2 * SECOND)), 1),
        ((_payload(MINUTE, None), _payload(MINUTE, None)), 1),
        ((_payload(MINUTE), _payload(MINUTE + SECOND, None)), 1),
    ],
)
def test_the_newest_is_the_one_that_was_asked_for_last(payloads: tuple[Payload, Payload], wins: int) -> None:
    assert _winner(*payloads) is payloads[wins]


def test_items_of_one_number_and_another_type_are_two() -> None:
    ticket, article = (
        _payload(MINUTE),
        Payload(doc_type=DocType.ARTICLE, original_id="7", version="v", told_at=NOON, changed_at=NOON, raw=b"{}"),
    )
    with Newest() as newest:
        newest.see(0, [ticket, article])
        assert newest.of(0, [ticket, article]) == [ticket, article]
        assert (newest.count(), newest.of(1, [ticket])) == (2, [])
        assert [newest.first_time("a"), newest.first_time("a"), newest.first_time("b")] == [True, False, True]


async def test_what_is_written_is_read_with_its_times(tmp_path: Path) -> None:
    blobs = LocalBlobStores(tmp_path).open("acme")
    connection = Connection(connection_id="conn_1", platform="freshdesk", domain="a", credentials=SealedSecret(""), created_at=NOON)
    run = Run(
        run_id="run_1", connection_id="conn_1", state=RunState.RUNNING, options=RunOptions(), counts=RunCounts(), created_at=clock.now()
    )
    ref = ItemRef(doc_type=DocType.TICKET, original_id='7","raw":', version='새 "raw": 판')
    raw = '{"ticket":\n{"subject":"배송이 \\n 늦어요","raw":{}}}'.encode()
    taken = Taken(ref=ref, told_at=NOON, changed_at=NOON - MINUTE, item=None, raw=raw)
    await archive_items(blobs, connection, run, [taken, taken])
    [key] = await blobs.list(folder_of(connection))
    [payload, again] = payloads_in(await blobs.get(key) or b"", key)
    assert payload == again
    assert (payload.original_id, payload.version, payload.raw) == (ref.original_id, ref.version, raw.replace(b"\n", b" "))
    assert (payload.told_at, payload.changed_at) == (NOON, NOON - MINUTE)


def test_older_lines_are_as_old_as_their_run_and_damage_is_told() -> None:
    line = b'{"doc_type":"ticket","original_id":"7","version":"v","raw":{"ticket":{}}}'
    packed = zstandard.compress(line + b"\nno line\n" + b'{"doc_type":"ticket"}')
    key = "raw/freshdesk/conn_1/20260302T120000-run_1-00000100-abcdef12.jsonl.zst"
    [payload] = payloads_in(packed, key)
    assert (payload.told_at, payload.changed_at, payload.raw) == (NOON, None, b'{"ticket":{}}')
    [payload] = payloads_in(packed, "raw/freshdesk/conn_1/odd")
    assert payload.told_at.year == 1970
    with pytest.raises(zstandard.ZstdError):
        list(payloads_in(packed[:-3], key))
