"""What is refused before anything is touched, what replaces what, and that one company's archive holds nothing of another."""

import asyncio
import tarfile
from pathlib import Path

import pytest
import zstandard

from backend.core.errors import AppError, Code
from backend.storage.moving.backup import back_up
from backend.storage.moving.migrate import compare
from backend.storage.moving.restore import restore
from tests.storage.moving.conftest import KEY, House, Make

KINDS = [("file", "file"), ("file", "postgresql"), ("postgresql", "file")]


async def archived(house: House, path: Path, company: str | None = None) -> Path:
    await back_up(house.engines, house.blobs, path, version="1", company=company)
    return path


async def same(one: House, other: House) -> bool:
    return all(check.same for check in await compare(one.engines, other.engines))


async def others(house: House) -> list[str]:
    """Hashes of what is not the first company's."""
    return [check.sha256 for check in await compare(house.engines, house.engines) if check.company_id != "acme"]


@pytest.mark.parametrize(("source", "target"), KINDS)
async def test_every_table_and_file_comes_back(make: Make, tmp_path: Path, source: str, target: str) -> None:
    old, new = await make(source), await make(target)
    await old.fill()
    archive = await archived(old, tmp_path / "all.tar")
    done = await restore(archive, new.target())
    assert done.erased == []
    assert set(done.manifest.companies) == {"acme", "other", ""}
    assert all(done.manifest.companies["acme"].rows.values()), "a row of every table"
    assert await same(old, new)
    for company in ("acme", "other"):
        assert await new.blobs.open(company).get(KEY) == f"영수증 {company}".encode()
    assert sorted(new.forgotten) == ["acme", "other"]


async def test_into_the_same_postgresql_again(make: Make, tmp_path: Path) -> None:
    house, copy = await make("postgresql"), await make("file")
    await house.fill()
    archive = await archived(house, tmp_path / "all.tar")
    done = await restore(archive, house.target(), replace=True)
    assert done.erased == ["acme", "other"]
    await restore(archive, copy.target())
    assert await same(house, copy)


async def test_what_is_in_use_is_replaced_only_when_told(make: Make, tmp_path: Path) -> None:
    old, new = await make("file"), await make("file")
    await old.fill()
    archive = await archived(old, tmp_path / "all.tar")
    await new.fill()
    await new.blobs.open("acme").put("raw/freshdesk/later", b"newer than the backup")
    async with new.database.directory() as directory:
        await directory.delete_tenant("other")
    with pytest.raises(AppError, match="--replace") as told:
        await restore(archive, new.target())
    assert told.value.code is Code.TENANT_EXISTS
    assert new.forgotten == []
    done = await restore(archive, new.target(), replace=True)
    assert done.erased == ["acme"]
    assert await same(old, new)
    assert await new.blobs.open("acme").list("") == [KEY]


@pytest.mark.parametrize("kind", ["file", "postgresql"])
async def test_who_is_not_in_it_goes_with_files_and_credentials_and_its_rows_go_last(make: Make, tmp_path: Path, kind: str) -> None:
    old, new = await make("file"), await make(kind)
    await old.fill()
    async with old.database.directory() as directory:
        await directory.delete_tenant("other")
    archive = await archived(old, tmp_path / "all.tar")
    await new.fill()
    done = await restore(archive, new.target(), replace=True)
    assert (done.erased, new.erased) == (["acme", "other"], [("other", True)])
    assert await new.blobs.open("other").list("") == []
    assert await new.blobs.open("acme").list("") == [KEY]
    assert await same(old, new)


async def test_a_damaged_one_touches_nothing(make: Make, tmp_path: Path) -> None:
    old, new = await make("file"), await make("file")
    await old.fill()
    archive = await archived(old, tmp_path / "all.tar")
    whole = archive.read_bytes()
    place = whole.index("영수증 other".encode())
    for broken in (whole[:-20_000], whole[:place] + b"\0" + whole[place + 1 :]):
        archive.write_bytes(broken)
        with pytest.raises(AppError, match="nothing was touched"):
            await restore(archive, new.target(), replace=True)
    assert new.forgotten == []
    async with new.database.directory() as directory:
        assert await directory.list_tenants() == []
    assert await new.blobs.open("acme").list("") == []


async def test_interrupted_it_can_be_given_again(make: Make, tmp_path: Path) -> None:
    old, new = await make("file"), await make("postgresql")
    await old.fill()
    archive = await archived(old, tmp_path / "all.tar")

    def stop(what: str, done: int, _total: int) -> None:
        if what.startswith("other"):
            raise KeyboardInterrupt(f"after {done}")

    with pytest.raises(KeyboardInterrupt):
        await restore(archive, new.target(), tell=stop)
    async with new.database.directory() as directory:
        assert await directory.list_tenants() == []
    await restore(archive, new.target())
    assert await same(old, new)


async def test_one_company_alone(make: Make, tmp_path: Path) -> None:
    old, new = await make("postgresql"), await make("file")
    await old.fill()
    archive = await archived(old, tmp_path / "acme.tar", "acme")
    with tarfile.open(archive) as tar:
        names = [member.name for member in tar]
        assert not [name for name in names if "other" in name or "_operator" in name]
        for name in names:
            file = tar.extractfile(name)
            assert file is not None
            data = file.read()
            text = zstandard.ZstdDecompressor().stream_reader(data).read() if name.endswith(".zst") else data
            assert b'"company_id":"other"' not in text
            assert "영수증 other".encode() not in text
    await new.fill()
    before = await others(new)
    done = await restore(archive, new.target(), replace=True)
    assert (done.erased, new.forgotten) == (["acme"], ["acme"])
    assert await others(new) == before
    assert [check.table for check in await compare(old.engines, new.engines) if check.company_id == "acme" and not check.same] == []
    with pytest.raises(AppError) as told:
        await archived(old, tmp_path / "none.tar", "nobody")
    assert told.value.code is Code.TENANT_NOT_FOUND
    assert not await asyncio.to_thread(lambda: list(tmp_path.glob(".none*"))), "nothing half-written stays"


async def test_without_the_master_key_it_says_whose_credentials_are_lost(make: Make, tmp_path: Path) -> None:
    old, new = await make("file"), await make("file")
    await old.fill()
    done = await restore(await archived(old, tmp_path / "all.tar"), new.target(opens=lambda tenant: tenant.company_id != "acme"))
    assert done.locked == ["acme"]
