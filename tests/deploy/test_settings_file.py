"""A file of settings goes below the environment, and a mistake in it stops the start."""

from pathlib import Path

import pytest

from backend.cli.errors import CliError
from backend.cli.serve import load_settings
from backend.settings import StorageType


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKLORE_CONFIG_FILE", "settings.yaml")


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("settings.yaml").write_text("port: 9001\nlog_level: debug\ndata_dir: 자료\n", encoding="utf-8")
    monkeypatch.setenv("DESKLORE_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.log_level, settings.data_dir) == (9002, "DEBUG", Path("자료"))


def test_a_setting_of_two_names_may_be_overridden_by_either(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("settings.yaml").write_text("storage_type: postgresql\ndatabase_url: postgresql://a@b/c\n", encoding="utf-8")
    assert load_settings().storage_type is StorageType.POSTGRESQL
    monkeypatch.setenv("STORAGE_TYPE", "file")
    assert load_settings().storage_type is StorageType.FILE


@pytest.mark.parametrize("text", ["prot: 9001", "[1, 2]", "a: [", "config_file: other.yaml", "port: much"])
def test_a_mistake_in_the_file_is_told(text: str) -> None:
    Path("settings.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CliError, match="The settings can't be right"):
        load_settings()


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(CliError, match=r"settings\.yaml can't be read"):
        load_settings()


def test_an_empty_file_changes_nothing() -> None:
    Path("settings.yaml").write_text("# nothing yet\n", encoding="utf-8")
    assert load_settings().port == 8000
