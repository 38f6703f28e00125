"""What a company takes along: everything of its own, nothing of another, nothing that opens anything."""

import hashlib
import io
import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from backend.core.errors import AppError, Code
from backend.storage.moving.export import ZipExporter, export
from backend.storage.sql.snapshot import snapshot, tables_of
from backend.storage.sql.whole_rows import TABLES
from tests.storage.moving.conftest import KEY, MANY, Make


@pytest.mark.parametrize("kind", ["file", "postgresql"])
async def test_everything_of_one_company(make: Make, tmp_path: Path, kind: str) -> None:
    house = await make(kind)
    await house.fill()
    done = await export(house.engines, house.blobs, "acme", tmp_path / "acme.zip")
    assert (done.rows["documents"], done.files) == (MANY - 1, 1)
    with zipfile.ZipFile(tmp_path / "acme.zip") as archive:
        assert archive.testzip() is None
        text = {name: archive.read(name).decode() for name in archive.namelist()}
    assert text[f"files/{KEY}"] == "영수증 acme"
    assert not [name for name, each in text.items() if '"company_id":"other"' in each or "영수증 other" in each]
    rows = [json.loads(line) for line in text["documents.jsonl"].splitlines()]
    assert {row["company_id"] for row in rows} == {"acme"}
    assert "결제" in rows[0]["title"]
    assert json.loads(text["tenants.jsonl"])["body"]["providers"]["summarize"]["model"] == "acme-model"
    for secret in ("sealed_data_key", "credentials", "key_hash", "provider_keys", "v1.m.x"):
        assert not [name for name, each in text.items() if secret in each], secret


async def test_one_that_is_not_there(make: Make, tmp_path: Path) -> None:
    house = await make("file")
    with pytest.raises(AppError) as told:
        await export(house.engines, house.blobs, "nobody", tmp_path / "nobody.zip")
    assert told.value.code is Code.TENANT_NOT_FOUND
    await house.fill()
    with pytest.raises(AppError, match="no folder"):
        await export(house.engines, house.blobs, "acme", tmp_path / "none" / "acme.zip")
    (tmp_path / "acme.zip").write_text("not ours")
    with pytest.raises(AppError, match="--overwrite"):
        await export(house.engines, house.blobs, "acme", tmp_path / "acme.zip")
    assert (tmp_path / "acme.zip").read_text() == "not ours"


@pytest.mark.parametrize("kind", ["file", "postgresql"])
async def test_the_companys_own_export_is_the_same_zip_among_its_own_files(make: Make, tmp_path: Path, kind: str) -> None:
    house = await make(kind)
    await house.fill()
    told: list[tuple[str, int, int]] = []
    written = await ZipExporter(house.url, house.blobs).write("acme", "exports/export_1/1.zip", lambda *each: told.append(each))
    data = await house.blobs.open("acme").get("exports/export_1/1.zip")
    assert data is not None
    assert (written.size, written.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert await house.blobs.open("other").list("") == [KEY]
    done = await export(house.engines, house.blobs, "acme", tmp_path / "acme.zip")
    assert (written.rows, written.files) == (done.rows, done.files), "and no export is in an export"
    (tmp_path / "own.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "own.zip") as own, zipfile.ZipFile(tmp_path / "acme.zip") as operators:
        assert own.namelist() == operators.namelist()
        assert all(own.read(name) == operators.read(name) for name in own.namelist())
    assert json.loads(msgspec.json.encode((told, written)))[1]["rows"] == written.rows, "all of it can be stored"
    phases = list(dict.fromkeys(phase for phase, _, _ in told))
    assert (phases[-1], "documents" in phases, "paid_results" in phases) == ("files", True, False)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2] == sum(written.rows.values()) + written.files


@pytest.mark.parametrize("kind", ["file", "postgresql"])
async def test_nothing_is_left_of_one_that_ends_early(make: Make, tmp_path: Path, kind: str) -> None:
    house = await make(kind)
    await house.fill()
    exporter = ZipExporter(house.url, house.blobs)

    def stop(phase: str, _done: int, _total: int) -> None:
        if phase == "documents":
            raise EOFError

    with pytest.raises(EOFError):
        await exporter.write("acme", "exports/export_1/1.zip", stop)
    with pytest.raises(AppError) as told:
        await exporter.write("nobody", "exports/export_1/1.zip", lambda *_: None)
    assert told.value.code is Code.TENANT_NOT_FOUND
    assert list((tmp_path / "house-1" / "blobs" / ".half-written").iterdir()) == []
    assert await house.blobs.open("acme").list("exports") == []


async def test_it_reads_as_the_company_and_never_as_the_operator(make: Make) -> None:
    """PostgreSQL itself tells what the transaction may see, whatever its queries ask for."""
    house = await make("postgresql")
    await house.fill()
    async with snapshot(house.engines, "acme") as still:
        assert await still.companies() == ["acme"]
        for table in tables_of("acme", TABLES):
            seen = {row["company_id"] async for page in still.pages(table, "acme") for row in page}
            assert seen <= {"acme"}
        connection = still._connection
        operator = (await connection.execute(text("SELECT current_setting('app.operator', true)"))).scalar_one()
        others = (await connection.execute(text("SELECT count(*) FROM documents WHERE company_id = 'other'"))).scalar_one()
        assert (operator or "", others) == ("", 0)


async def test_files_that_are_deleted_meanwhile(make: Make, tmp_path: Path) -> None:
    """One that is gone before it is read is left out."""
    house = await make("file")
    await house.fill()
    blobs = house.blobs.open("acme")
    await blobs.put("raw/1", b"first")
    await blobs.put("raw/2", b"second")
    await blobs.put("raw/empty", b"")
    exporter = ZipExporter(house.url, house.blobs)

    def delete_next(phase: str, _done: int, _total: int) -> None:
        if phase == "files":
            (tmp_path / "house-1" / "blobs" / "acme" / "raw" / "1").unlink(missing_ok=True)

    assert (await exporter.write("acme", "exports/export_1/1.zip", delete_next)).files == 3
    data = await blobs.get("exports/export_1/1.zip")
    assert data is not None
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = [name for name in archive.namelist() if name.startswith("files/")]
    assert names == [f"files/{KEY}", "files/raw/2", "files/raw/empty"]


async def test_a_large_file_is_never_whole_in_memory(make: Make) -> None:
    house = await make("file")
    await house.fill()
    blobs, large = house.blobs.open("acme"), os.urandom(30_000_000)
    await blobs.put("raw/large", large)
    tracemalloc.start()
    try:
        written = await ZipExporter(house.url, house.blobs).write("acme", "exports/export_1/1.zip", lambda *_: None)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.size > len(large)
    assert most < 12_000_000
