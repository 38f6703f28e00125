"""Backups in a folder: named by their moment, and the oldest go; never another kind's, nor what is no backup."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.core.errors import AppError
from backend.storage.moving.shelf import forget_oldest, name_at

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_names_sort_by_time() -> None:
    names = [name_at(NOON + timedelta(hours=hours), None) for hours in range(30)]
    assert names[0] == "desklore-20260301T120000Z.tar"
    assert names == sorted(names)
    assert name_at(NOON, "acme") == "desklore-acme-20260301T120000Z.tar"


def test_the_newest_of_a_kind_stay_and_nothing_else_is_touched(tmp_path: Path) -> None:
    kinds = (None, "acme", "acme-eu")
    for hours in range(5):
        for company in kinds:
            (tmp_path / name_at(NOON + timedelta(hours=hours), company)).touch()
    others = {"desklore-20260301T120000Z.tar.gz", ".desklore-20260301T120000Z.tar.0123.half", "desklore-2026-03-01.tar"}
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / "desklore-20200101T000000Z.tar").mkdir()
    assert forget_oldest(tmp_path, 2, "acme") == [name_at(NOON + timedelta(hours=hours), "acme") for hours in range(3)]
    assert forget_oldest(tmp_path, 2, "acme") == []
    assert len(forget_oldest(tmp_path, 4, None)) == 1
    left = {each.name for each in tmp_path.iterdir()}
    assert len(left) == 2 + 4 + 5 + len(others) + 1
    assert others < left


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no folder"):
        forget_oldest(tmp_path / "gone", 2, None)
