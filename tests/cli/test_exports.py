"""`desklore export`: started, waited for, taken and deleted; exit codes; and nothing of another company."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Desklore, World, connect


@pytest.fixture
def filled(desklore: Desklore, world: World, company: str) -> str:
    """A company with some tickets."""
    connection = connect(desklore, world)
    assert desklore("sync", connection, "--json").code == 0
    return company


def test_a_company_makes_takes_and_deletes_its_export(desklore: Desklore, filled: str, tmp_path: Path) -> None:
    missing = desklore("export", "download", "mine.zip", "--json")
    assert (missing.code, missing.document["error"]["code"]) == (3, "export_not_found")
    made = desklore("export", "start", "--json")
    assert made.code == 0, made
    done = made.document
    assert (done["state"], done["rows"]["documents"] > 0) == ("done", True)
    assert [each["export_id"] for each in desklore("export", "list", "--json").document["items"]] == [done["export_id"]]
    told = desklore("export", "list")
    assert (done["export_id"] in told.out, "done" in told.out) == (True, True)
    taken = desklore("export", "download", "mine.zip", "--json").document
    data = (tmp_path / "mine.zip").read_bytes()
    assert taken == {"path": "mine.zip", "export_id": done["export_id"], "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert (tmp_path / "mine.zip").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        rows = archive.read("documents.jsonl").decode().splitlines()
    assert len(rows) == done["rows"]["documents"]
    assert all(f'"company_id":"{filled}"' in row for row in rows)
    again = desklore("export", "download", "mine.zip")
    assert (again.code, "--overwrite" in again.err) == (2, True)
    assert "personal data" in desklore("export", "download", "mine.zip", "--overwrite", "--export", done["export_id"]).out
    assert desklore("export", "delete", done["export_id"]).out == f"{done['export_id']} is deleted.\n"
    assert desklore("export", "delete", done["export_id"], "--json").code == 3
    assert [each.name for each in tmp_path.iterdir()] == ["mine.zip"], "nothing half-written is left"


def test_people_are_told_how_it_goes(desklore: Desklore, company: str) -> None:
    assert "desklore export start" in desklore("export", "list").out
    begun = desklore("export", "start", "--detach")
    assert (begun.code, "goes on by itself" in begun.out) == (0, True), company
    told = desklore("export", "start")
    assert (told.code, "rows and" in told.out, "kept until" in told.out) == (0, True, True)


def test_another_companys_export_is_not_there(desklore: Desklore, world: World, company: str, monkeypatch: pytest.MonkeyPatch) -> None:
    export_id = desklore("export", "start", "--json").document["export_id"]
    other = desklore("tenants", "create", f"{company[:40]}-two", "--key", world.operator_key, "--json").document
    monkeypatch.setenv("DESKLORE_API_KEY", other["api_key"])
    assert desklore("export", "list", "--json").document == {"items": []}
    assert desklore("export", "delete", export_id, "--json").code == 3
    assert desklore("export", "download", "theirs.zip", "--export", export_id, "--json").code == 3
    assert desklore("export", "start", "--json", "--key", world.operator_key).code == 4
