"""An archive that is damaged anywhere is refused; one that was not finished leaves nothing behind."""

import io
import stat
import subprocess
import sys
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
        # Names, in the form that says of what encoding it is and in the other one.
        whole.index("계약서".encode()),
        whole.index(b"tables/"),
    ):
        damaged = bytearray(whole)
        damaged[place] ^= 0x81
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


_FILL_UP = """
import io, pathlib, resource, signal, sys
from backend.core.errors import AppError
from backend.storage.moving.archive import ArchiveWriter
from backend.storage.moving.aside import AsideFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for size in range(30_000, 130_000, 4_096):
    archive, file = ArchiveWriter(pathlib.Path(sys.argv[1]) / "a.tar"), AsideFile(pathlib.Path(sys.argv[1]) / "b.zip")
    for write, abandon in (
        (lambda: archive.add("files/acme/1", io.BytesIO(bytes(size))), archive.abandon),
        (lambda: file.write(bytes(size)), file.abandon),
    ):
        try:
            try:
                for _ in range(5):
                    write()
            finally:
                abandon()
        except AppError as error:
            print(error.code.value)
"""


def test_a_full_disk_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FILL_UP, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["storage_full"] * 50
    assert list(tmp_path.iterdir()) == []


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
