"""`backup`, `restore`, `tenants export` and `storage migrate` as commands: one JSON document, exit codes, what is told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from backend.storage.folder import DATABASE, make_folder
from backend.storage.sql.engine import upgrade
from tests.cli.conftest import Told

ROOT = Path(__file__).resolve().parents[2]


def desklore(data: Path, *words: str, **more: str) -> Told:
    """A command of its own process, as an operator gives it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    environment |= {"PYTHONPATH": str(ROOT), "DESKLORE_DATA_DIR": str(data), **more}
    command = [sys.executable, "-m", "backend.cli", *words]
    done = subprocess.run(command, cwd=data.parent, env=environment, capture_output=True, text=True, timeout=100, check=False)
    return Told(done.returncode, done.stdout, done.stderr)


def install(data: Path) -> None:
    """An installation that nobody has used yet."""
    make_folder(data)
    upgrade(f"sqlite+aiosqlite:///{data / DATABASE}")


def test_backup_and_restore(tmp_path: Path) -> None:
    install(tmp_path / "data")
    archive = tmp_path / "all.tar"
    made = desklore(tmp_path / "data", "backup", str(archive))
    assert made.code == 0, made.err
    assert "master key" in made.out, "what is not in it is told"
    again = desklore(tmp_path / "data", "backup", str(archive), "--json")
    assert (again.code, "--overwrite" in json.loads(again.out)["error"]["message"]) == (2, True), "nothing is replaced unasked"
    done = desklore(tmp_path / "new", "restore", str(archive), "--json")
    assert done.code == 0, done.err
    told: dict[str, Any] = done.document
    assert (told["erased"], told["locked"], told["manifest"]["companies"][""]["rows"]) == ([], [], {"audit": 0})


def test_backups_in_a_folder_are_named_by_the_time_and_the_newest_are_kept(tmp_path: Path) -> None:
    install(tmp_path / "data")
    shelf = tmp_path / "backups"
    shelf.mkdir()
    for name in ("desklore-20240101T000000Z.tar", "desklore-20240101T010000Z.tar", "desklore-acme-20240101T000000Z.tar", "mine.tar"):
        (shelf / name).write_bytes(b"older")
    made = desklore(tmp_path / "data", "backup", "--into", str(shelf), "--keep", "2", "--json")
    assert made.code == 0, made.err
    new = Path(made.document["path"]).name
    assert made.document["deleted"] == ["desklore-20240101T000000Z.tar"]
    assert sorted(each.name for each in shelf.iterdir()) == sorted(
        ["desklore-20240101T010000Z.tar", "desklore-acme-20240101T000000Z.tar", "mine.tar", new]
    )
    assert desklore(tmp_path / "new", "restore", str(shelf / new)).code == 0
    for words in (["--into", str(shelf), "a.tar"], ["--keep", "2", "a.tar"], []):
        assert desklore(tmp_path / "data", "backup", *words).code == 2, words


def test_a_damaged_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    archive = tmp_path / "all.tar"
    archive.write_bytes(b"not a backup" * 100)
    done = desklore(tmp_path / "new", "restore", str(archive), "--json")
    assert done.code == 2
    assert "nothing was touched" in json.loads(done.out)["error"]["message"]


def test_a_folder_without_an_installation_is_neither_backed_up_nor_moved(tmp_path: Path) -> None:
    shelf = tmp_path / "backups"
    shelf.mkdir()
    good = shelf / "desklore-20240101T000000Z.tar"
    good.write_bytes(b"older")
    move = ("storage", "migrate", "--from", "file", "--to", "postgresql", "--replace")
    for words in (("backup", "--into", str(shelf), "--keep", "1"), move, ("tenants", "export", "acme", str(tmp_path / "acme.zip"))):
        done = desklore(tmp_path / "typo", *words, "--json", DESKLORE_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
        assert done.code == 2, words
        assert "DESKLORE_DATA_DIR" in json.loads(done.out)["error"]["message"]
    assert [*shelf.iterdir()] == [good]
    assert not (tmp_path / "typo").exists()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    install(tmp_path / "data")
    assert desklore(tmp_path / "data", "tenants", "export", "nobody", str(tmp_path / "nobody.zip"), "--json").code == 3
    done = desklore(tmp_path / "data", "storage", "migrate", "--from", "file", "--to", "postgresql", "--json")
    assert done.code == 2
    assert "DESKLORE_DATABASE_URL" in json.loads(done.out)["error"]["message"]
