"""What a company takes along: everything of its own, nothing of another, nothing that opens anything."""

import json
import zipfile
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.storage.moving.export import export
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
