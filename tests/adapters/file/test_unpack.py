"""Zips that people upload: names as a Korean Windows writes them, and what a directory does not say."""

import io
import zipfile
from pathlib import Path

import pytest

from backend.adapters.file.unpack import clean_name, unpack
from backend.core.errors import AppError, Code


def written(path: Path, entries: dict[str, bytes]) -> Path:
    """A zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def unpacked(path: Path, most: int = 1_000_000) -> dict[str, bytes]:
    """Every file that comes out."""
    found = {}
    for one in unpack(path, path.name, most):
        with one.file:
            found[one.path] = one.file.read()
    return found


def test_names_of_a_korean_windows(tmp_path: Path) -> None:
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("xxxx/yyyy.csv", b"1")
    # The library writes UTF-8 and says so; Windows writes its own encoding and says nothing.
    raw = plain.getvalue().replace(b"xxxx/yyyy.csv", "문의/내역.csv".encode("cp949"))
    (tmp_path / "a.zip").write_bytes(raw)
    assert unpacked(tmp_path / "a.zip") == {"문의/내역.csv": b"1"}
    assert unpacked(written(tmp_path / "b.zip", {"문의/é내역.csv": b"1", "run.exe": b"2"})) == {"문의/é내역.csv": b"1"}


def test_more_than_allowed_and_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        unpacked(written(tmp_path / "a.zip", {"a.csv": b"1" * 2_000}), most=1_000)
    assert caught.value.code is Code.EXPORT_TOO_LARGE
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(AppError) as caught:
        unpacked(tmp_path / "l.zip")
    assert caught.value.code is Code.EXPORT_UNREADABLE


@pytest.mark.parametrize(
    "name", ["/a.csv", "../a.csv", "a/../b.csv", "C:/a.csv", "..\\a.csv", "a\nb.csv", "", "a//b.csv", f"{'가' * 80}.csv"]
)
def test_names_that_no_file_may_have(name: str) -> None:
    with pytest.raises(AppError) as caught:
        clean_name(name)
    assert caught.value.code is Code.INVALID_REQUEST
