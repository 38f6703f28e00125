"""The data folder: private, and a folder that can't be had is named with what to do."""

from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.storage.folder import make_folder


def test_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    make_folder(folder)
    make_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("where", ["file", "file/data"])
def test_what_can_not_be_had_names_the_setting(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(AppError, match="DESKLORE_DATA_DIR") as told:
        make_folder(tmp_path / where)
    assert told.value.code is Code.STORAGE_UNAVAILABLE
