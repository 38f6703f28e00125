"""Where the command line finds the server and its keys."""

import stat
from pathlib import Path

import pytest

from backend.cli.config import DEMO_FILE, OPERATOR_FILE, DemoFile, find_target, read_demo

DEMO = DemoFile(
    url="http://127.0.0.1:8123",
    api_key="dk_demo",
    operator_key="op_demo",
    company_id="demo",
    sandbox_url="http://127.0.0.1:9",
    sandbox_api_key="s",
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "API_KEY", "OPERATOR_KEY", "DATA_DIR", "PORT"):
        monkeypatch.delenv(f"DESKLORE_{name}", raising=False)
    (tmp_path / "data").mkdir()


def test_without_anything_it_is_this_machine_and_no_key() -> None:
    target = find_target()
    assert (target.url, target.api_key, target.operator_key) == ("http://127.0.0.1:8000", None, None)


def test_the_demo_is_found_by_its_file() -> None:
    DEMO.write(Path("data") / DEMO_FILE)
    target = find_target()
    assert (target.url, target.api_key, target.operator_key) == (DEMO.url, "dk_demo", "op_demo")


def test_the_demo_key_is_not_sent_to_another_server() -> None:
    DEMO.write(Path("data") / DEMO_FILE)
    target = find_target("https://desklore.example")
    assert (target.url, target.api_key, target.operator_key) == ("https://desklore.example", None, None)


def test_the_environment_wins_over_files_and_an_option_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    DEMO.write(Path("data") / DEMO_FILE)
    monkeypatch.setenv("DESKLORE_API_KEY", "dk_env")
    assert find_target().api_key == "dk_env"
    assert find_target(key="dk_option").api_key == "dk_option"


def test_a_file_env_is_read_too() -> None:
    Path(".env").write_text("DESKLORE_PORT=8099\nDESKLORE_OPERATOR_KEY=op_env\n")
    target = find_target()
    assert (target.url, target.operator_key) == ("http://127.0.0.1:8099", "op_env")


def test_the_operator_key_of_a_server_on_this_machine_is_read_from_its_data_folder() -> None:
    (Path("data") / OPERATOR_FILE).parent.mkdir(parents=True, exist_ok=True)
    (Path("data") / OPERATOR_FILE).write_text("op_file\n")
    assert find_target().operator_key == "op_file"
    assert find_target("https://desklore.example").operator_key is None


def test_the_demo_file_is_for_its_owner_only() -> None:
    path = Path("data") / DEMO_FILE
    DEMO.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_demo(Path("data")) == DEMO
    assert [each.name for each in path.parent.iterdir()] == [DEMO_FILE]


@pytest.mark.parametrize("text", ["", "{", '{"url": 1}', "[]"])
def test_a_broken_demo_file_is_as_none(text: str) -> None:
    (Path("data") / DEMO_FILE).write_text(text)
    assert read_demo(Path("data")) is None
