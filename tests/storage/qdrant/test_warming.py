"""Sealed files are read as far as something is written in them, and no longer than somebody wants it."""

from pathlib import Path

from backend.storage.qdrant.warming import warm

MB = 1 << 20


class _Going:
    """Wanted for so many pieces; counts how often it was asked."""

    def __init__(self, pieces: int = 1_000) -> None:
        self.asked = 0
        self._pieces = pieces

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked <= self._pieces


def _file(folder: Path, name: str, megabytes: int) -> Path:
    path = folder / "segments" / "one" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * megabytes * MB)
    return path


def _pieces(folder: Path, going: _Going) -> int:
    warm(folder, going=going)
    return going.asked


def test_every_piece_is_read_but_those_of_dense_vectors(tmp_path: Path) -> None:
    _file(tmp_path, "payload_storage/page_0.dat", 3)
    _file(tmp_path, "vector_storage-dense/matrix.dat", 5)
    assert _pieces(tmp_path, _Going()) == 3 + 1


def test_it_ends_when_nobody_wants_it_any_more(tmp_path: Path) -> None:
    _file(tmp_path, "payload_storage/page_0.dat", 8)
    assert _pieces(tmp_path, _Going(2)) == 3


def test_room_that_was_only_set_aside_is_passed_over(tmp_path: Path) -> None:
    path = _file(tmp_path, "vector_storage-sparse/page_0.dat", 1)
    with path.open("r+b") as file:
        file.truncate(64 * MB)
    assert _pieces(tmp_path, _Going()) < 10


def test_a_folder_or_file_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    assert _pieces(tmp_path / "away", _Going()) == 0
    broken = tmp_path / "segments" / "one" / "payload_storage"
    broken.mkdir(parents=True)
    (broken / "page_0.dat").symlink_to(tmp_path / "nowhere")
    assert _pieces(tmp_path, _Going()) == 0
