"""An archive that is damaged anywhere is refused; one that was not finished leaves nothing behind."""

import io
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.storage.moving.archive import ArchiveReader, ArchiveWriter
from backend.storage.moving.manifest import CompanyCounts, Manifest

PARTS = {"tables/acme/documents/000001.jsonl.zst": b"rows" * 300, "files/acme/attachments/1/계약서.pdf": b"pdf" * 1000}


def write(path: Path) -> None:
    writer = ArchiveWriter(path)
    for name, data in PARTS.items():
        assert writer.add(name, io.BytesIO(data)) == len(data)
    counts = {"acme": CompanyCounts(rows={"documents": 1}, files=1)}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    made = Manifest(version="1", revision="0006", made_at=at, companies=counts, parts=writer.parts, parts_sha256=writer.listed)
    assert writer.finish(made) == path.stat().st_size


def verify(path: Path) -> Manifest:
    with ArchiveReader(path) as reader:
        return reader.verify()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    write(path)
    assert (verify(path).rows, verify(path).files) == (1, 1)
    with ArchiveReader(path) as reader:
        assert {name: file.read() for name, file in reader.parts()} == PARTS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["backup.tar"]


def test_truncated_anywhere_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    write(path)
    whole = path.read_bytes()
    end = whole.index(b'"parts_sha256"')
    for length in [*range(0, end, 512), 700, end]:
        path.write_bytes(whole[:length])
        with pytest.raises(AppError, match="refused") as told:
            verify(path)
        assert told.value.code is Code.INVALID_REQUEST


def test_a_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    write(path)
    whole = path.read_bytes()
    for place in (
        0,
        whole.index(b"rowsrows") + 7,
        whole.index(b"pdfpdf"),
        whole.index(b'"sha256"') + 12,
        whole.index(b'"parts_sha256"') + 20,
    ):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(AppError, match="refused"):
            verify(path)


def test_another_layout_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    write(path)
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(AppError, match="desklore 9"):
        verify(path)


def test_one_that_is_abandoned_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    write(path)
    before = path.read_bytes()
    writer = ArchiveWriter(path, overwrite=True)
    writer.add("files/acme/1", io.BytesIO(b"new"))
    writer.abandon()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["backup.tar"]


def test_what_lies_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "important"
    path.write_text("not ours")
    with pytest.raises(AppError, match="--overwrite"):
        ArchiveWriter(path)
    with pytest.raises(AppError, match="not a file"):
        ArchiveWriter(tmp_path, overwrite=True)
    assert path.read_text() == "not ours"
    assert list(tmp_path.iterdir()) == [path]


def test_no_folder_and_no_file_are_told(tmp_path: Path) -> None:
    for act in (ArchiveWriter, ArchiveReader):
        with pytest.raises(AppError, match="no folder"):
            act(tmp_path / "none" / "backup.tar")
