"""What is remembered between two syncs, and what is opened again."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from backend.adapters.file.places.folder import FolderPlace
from backend.adapters.file.places.place import Found
from backend.adapters.file.shelf import Shelf
from backend.adapters.file.source import FileSource
from backend.core.errors import AppError, Code
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemRef, RunOptions, Stream
from backend.storage.blobs.local import LocalBlobStores
from desklore_conformance.truth import refs_of

HEADINGS = "id,subject,description,status,created\n"


class Watched:
    """A folder that tells what is opened in it."""

    name = "watched"

    def __init__(self, folder: Path) -> None:
        self._place = FolderPlace(folder, ())
        self.opened: list[str] = []

    async def list(self) -> Sequence[Found]:
        return await self._place.list()

    async def open(self, found: Found) -> BinaryIO:
        self.opened.append(found.path)
        return await self._place.open(found)

    async def close(self) -> None:
        await self._place.close()


def write(path: Path, first: int, last: int, *, subject: str = "s") -> None:
    """An export."""
    rows = "".join(f"{number},{subject} {number},text,open,2025-01-01 00:{number % 60:02}\n" for number in range(first, last))
    path.write_text(HEADINGS + rows)


def opened(tmp_path: Path) -> tuple[FileSource, Watched]:
    """A Source over `tmp_path/files`, its memory beside it."""
    place = Watched(tmp_path / "files")
    blobs = LocalBlobStores(tmp_path / "blobs").open("acme")
    return FileSource(Shelf([place], blobs, "sources/file/conn_1"), "watched", page=50), place


async def test_only_what_changed_is_opened_again(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for name in ("a", "b", "c"):
        write(tmp_path / "files" / f"{name}.csv", ord(name) * 100, ord(name) * 100 + 30)
    source, place = opened(tmp_path)
    before = {ref.original_id: ref.version for ref in await refs_of(source, Stream.TICKETS)}
    assert len(before) == 90
    assert sorted(place.opened) == ["a.csv", "b.csv", "c.csv"]
    rest = (await source.list_changes(Cursor(stream=Stream.TICKETS, position={}), RunOptions(limit=100))).next
    await source.close()

    write(tmp_path / "files" / "b.csv", 9800, 9820, subject="changed")
    source, place = opened(tmp_path)
    after = {ref.original_id: ref.version for ref in await refs_of(source, Stream.TICKETS)}
    assert place.opened == ["b.csv"]
    assert len(after) == 80
    assert {key for key in after if after[key] != before[key]} == {str(number) for number in range(9800, 9820)}
    # One item by itself needs its own file and nothing else.
    await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id="9700", version=""))
    assert place.opened == ["b.csv", "a.csv"]
    await source.close()
    assert rest.position


@pytest.mark.parametrize("damage", [b"", b"nothing", b"\x28\xb5\x2f\xfd\x00"])
async def test_a_memory_that_is_lost_or_damaged_is_made_again(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "files").mkdir()
    write(tmp_path / "files" / "a.csv", 0, 5)
    source, _ = opened(tmp_path)
    await refs_of(source, Stream.TICKETS)
    await source.close()
    [kept] = (tmp_path / "blobs").rglob("catalog.db.zst")
    kept.write_bytes(damage)
    source, place = opened(tmp_path)
    assert len(await refs_of(source, Stream.TICKETS)) == 5
    assert place.opened == ["a.csv"]
    await source.close()


async def test_the_file_that_was_changed_last_tells(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    write(tmp_path / "files" / "new.csv", 0, 5, subject="new")
    write(tmp_path / "files" / "old.csv", 3, 8, subject="old")
    times = (1_600_000_000, 1_600_000_000)
    os.utime(tmp_path / "files" / "old.csv", times)
    source, _ = opened(tmp_path)
    assert len(await refs_of(source, Stream.TICKETS)) == 8
    items = [(await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=key, version=""))).item for key in ("3", "7")]
    assert [getattr(item, "subject", "") for item in items] == ["new 3", "old 7"]
    await source.close()


async def test_a_file_that_is_written_into_while_it_is_read_stops_the_run_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    write(tmp_path / "files" / "a.csv", 0, 5)
    source, _ = opened(tmp_path)
    [first, *_] = await refs_of(source, Stream.TICKETS)
    with (tmp_path / "files" / "a.csv").open("a") as file:
        file.write("9,s 9,text,open,2025-01-01\n")
    with pytest.raises(AppError) as caught:
        await source.fetch(first)
    assert caught.value.code is Code.SOURCE_UNAVAILABLE
    assert caught.value.retry_after
    await source.close()


async def test_a_declaration_that_cannot_be_followed_names_its_mistake(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    write(tmp_path / "files" / "a.csv", 0, 5)
    (tmp_path / "files" / "a.csv.desklore.yaml").write_text("columns: {id: nothing}")
    source, _ = opened(tmp_path)
    [ref] = await refs_of(source, Stream.ARTICLES)
    with pytest.raises(AppError, match=r"a\.csv has no column nothing; its columns are: id, subject"):
        await source.fetch(ref)
    (tmp_path / "files" / "desklore.yaml").write_text("files: {'*.csv': {timezone: Mars/Base}}")
    with pytest.raises(AppError, match=r"desklore\.yaml, \*\.csv can't be followed: its time zone"):
        await refs_of(source, Stream.TICKETS)
    await source.close()


async def test_a_page_of_long_tickets_has_fewer_of_them(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    long = "긴 문의 " * 60_000
    rows = "".join(f'{number},s,"{long}",open,2025-01-01 00:{number:02}\n' for number in range(25))
    (tmp_path / "files" / "long.csv").write_text(HEADINGS + rows)
    source, _ = opened(tmp_path)
    page = await source.list_changes(Cursor(stream=Stream.TICKETS, position={}), RunOptions())
    assert len(page.refs) == 20
    assert page.total == 25
    assert len({ref.original_id for ref in await refs_of(source, Stream.TICKETS)}) == 25
    await source.close()
