"""Zips that somebody gives us: what is not safe is refused before a byte is unpacked."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from backend.adapters.archive import Archive, Limits
from backend.core.errors import AppError, Code


def packed(path: Path, files: dict[str, bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (2026, 9, 30, 9, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = options.get("mode", stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    return path


def refused(path: Path, limits: Limits | None = None) -> AppError:
    with pytest.raises(AppError) as caught:
        Archive(path, "내보내기.zip", limits)
    assert "내보내기.zip" in caught.value.message
    return caught.value


def test_a_good_one_tells_what_is_in_it_and_when_it_was_written(tmp_path: Path) -> None:
    archive = Archive(packed(tmp_path / "a.zip", {"export/Tickets0.json": b"[]", "__MACOSX/._Tickets0.json": b"x"}), "a.zip")
    (member,) = archive.members
    assert (member.base, member.size) == ("Tickets0.json", 2)
    assert member.at is not None
    assert member.at.isoformat() == "2026-09-30T09:00:00+00:00"
    with archive.open(member) as stream:
        assert stream.read() == b"[]"
    archive.close()


@pytest.mark.parametrize("name", ["../Tickets0.json", "/etc/Tickets0.json", "a/../../b.json", "C:/b.json", "a\\..\\b.json"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert refused(packed(tmp_path / "a.zip", {name: b"[]"})).code is Code.EXPORT_UNREADABLE


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"Tickets0.json": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)
    assert refused(path).code is Code.EXPORT_UNREADABLE


def test_a_bomb_is_refused_by_what_its_directory_says(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"Tickets0.json": bytes(30_000_000)})
    assert refused(path).code is Code.EXPORT_TOO_LARGE
    many = packed(tmp_path / "b.zip", {f"Tickets{n}.json": b"[]" for n in range(20)})
    assert refused(many, Limits(files=10)).code is Code.EXPORT_TOO_LARGE
    assert refused(many, Limits(unpacked=30)).code is Code.EXPORT_TOO_LARGE


def test_archives_within_are_named_and_never_opened(tmp_path: Path) -> None:
    archive = Archive(packed(tmp_path / "a.zip", {"inner.zip": b"PK", "Tickets0.json": b"[]"}), "a.zip")
    assert [member.base for member in archive.members] == ["Tickets0.json"]
    assert archive.archives == ("inner.zip",)
    archive.close()


def test_a_password_two_files_of_one_name_and_no_zip_at_all(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"Tickets0.json": b"[]"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "password" in refused(path).message
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.json", b"[]")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.json", b"[]")
    path.write_bytes(out.getvalue())
    assert "twice" in refused(path).message
    path.write_bytes(b"PK\x03\x04 not really")
    assert "no zip archive" in refused(path).message
