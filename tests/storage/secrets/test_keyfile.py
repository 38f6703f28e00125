"""Secrets the embedded mode makes for itself: once, for the owner only, and never half."""

import base64
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.storage.secrets.keyfile import MasterKeyFile
from backend.storage.secrets.local import load_or_make_master_key, load_or_make_secret, parse_master_keys


def test_a_master_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "열쇠" / "master.key"
    key_id, key = load_or_make_master_key(path)
    assert (key_id, key) == load_or_make_master_key(path)
    assert len(key) == 32
    assert parse_master_keys(path.read_text()) == [(key_id, key)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path], "nothing half-written stays"
    assert load_or_make_master_key(tmp_path / "another") != (key_id, key)


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "jwt.secret"
    secret = load_or_make_secret(path)
    assert secret == load_or_make_secret(path)
    assert len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_all_who_start_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(load_or_make_master_key, [tmp_path / "master.key"] * 64))) == 1
    code = "import sys, pathlib; from backend.storage.secrets import local; print(local.load_or_make_secret(pathlib.Path(sys.argv[1])))"
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "s")], stdout=subprocess.PIPE) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


@pytest.mark.parametrize(
    "text", ["", "nonsense", "id:!!!", "id:" + base64.b64encode(b"short").decode(), ":" + base64.b64encode(b"x" * 32).decode()]
)
def test_a_damaged_key_file_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    with pytest.raises(AppError) as refused:
        load_or_make_master_key(path)
    assert refused.value.code is Code.SECRET_UNREADABLE
    assert path.read_text() == text


def test_an_unreadable_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "file" / "secret", tmp_path / "file"):
        with pytest.raises(AppError) as refused:
            load_or_make_secret(path)
        assert refused.value.code is Code.SECRET_UNREADABLE
    (tmp_path / "empty").touch()
    with pytest.raises(AppError):
        load_or_make_secret(tmp_path / "empty")


def test_several_master_keys_are_read_in_order() -> None:
    one, two = base64.b64encode(b"1" * 32).decode(), base64.b64encode(b"2" * 32).decode()
    assert parse_master_keys(f" new:{one} , old:{two},") == [("new", b"1" * 32), ("old", b"2" * 32)]
    for bad in ("", " , ", "id", f"a.b:{one}", f"new:{one},old:xx!"):
        with pytest.raises(ValueError, match="master key") as refused:
            parse_master_keys(bad)
        assert one not in str(refused.value)


def test_a_key_file_is_read_again_when_it_changes_and_kept_while_it_is_damaged(tmp_path: Path) -> None:
    one, two = base64.b64encode(b"1" * 32).decode(), base64.b64encode(b"2" * 32).decode()
    path = tmp_path / "master.keys"
    path.write_text(f"old:{one}\n")
    keys = MasterKeyFile(path)
    assert keys() == [("old", b"1" * 32)]
    path.write_text(f"new:{two}\nold:{one}\n")
    assert keys() == [("new", b"2" * 32), ("old", b"1" * 32)]
    for damaged in (b"nonsense", b"", b"\xff\xfe", f"kms:{one}".encode()):
        path.write_bytes(damaged)
        assert keys() == [("new", b"2" * 32), ("old", b"1" * 32)]
        with pytest.raises(AppError) as refused:
            MasterKeyFile(path)
        assert refused.value.code is Code.SECRET_UNREADABLE
        assert one not in str(refused.value)
    path.unlink()
    assert keys()[0][0] == "new"
