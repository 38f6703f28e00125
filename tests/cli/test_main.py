"""The commands as a shell sees them, without a server: help, usage, --json, exit codes."""

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from backend.cli.examples import EXAMPLES
from backend.cli.main import app, main
from backend.cli.session import JsonOption

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "API_KEY", "OPERATOR_KEY", "DATA_DIR", "PORT"):
        monkeypatch.delenv(f"DESKLORE_{name}", raising=False)


def _commands(typer_app: typer.Typer, path: str = "desklore") -> dict[str, object]:
    found: dict[str, object] = {}
    for command in typer_app.registered_commands:
        found[f"{path} {command.name or getattr(command.callback, '__name__', '')}"] = command.callback
    for group in typer_app.registered_groups:
        assert group.typer_instance is not None
        found |= _commands(group.typer_instance, f"{path} {group.name}")
    return found


def test_every_command_offers_json_and_says_what_it_does() -> None:
    for name, callback in _commands(app).items():
        annotations = getattr(callback, "__annotations__", {})
        assert annotations.get("as_json") == JsonOption, name
        assert getattr(callback, "__doc__", ""), name


def test_every_command_has_an_example_that_it_understands(capsys: pytest.CaptureFixture[str]) -> None:
    assert {f"desklore {name}" for name in EXAMPLES} == _commands(app).keys()
    for name, examples in EXAMPLES.items():
        for example in examples:
            words = shlex.split(example)[shlex.split(example).index("desklore") + 1 :]
            command: Any = typer.main.get_command(app)
            for word in name.split():
                command = command.commands[word]
            given = words[len(name.split()) :]
            assert words[: len(name.split())] == name.split()
            context = typer.Context(command)
            # Raises where it has no such option; what is said too much stays over.
            _, left, _ = command.make_parser(context).parse_args(list(given))
            assert not left, example
    assert main(["connections", "schedule", "--help"]) == 0
    told = capsys.readouterr().out
    assert "Examples:" in told
    assert '--cron "0 3 * * *" --tz Asia/Seoul' in " ".join(told.split())


def test_a_group_without_a_command_shows_its_help_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["keys"]):
        assert main(words) == 2
        told = capsys.readouterr()
        assert "Usage: desklore" in told.out
        assert told.err == ""


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "Exit codes" in text
    for word in (
        "demo",
        "up",
        "sync",
        "ask",
        "tenants",
        "connections",
        "keys",
        "documents",
        "sandbox",
        "bench",
        "runs",
        "failures",
        "ticket",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "desklore --help"),
        (["ask"], "desklore ask --help"),
        (["tenants", "create"], "desklore tenants create --help"),
        (["sync", "--limit", "0"], "desklore sync --help"),
        (["connections", "check", "freshdesk", "a.freshdesk.com", "--secret", "api_key", "--key", "k"], "NAME=VALUE"),
        (["ask", "q", "--key", "k", "--url", "nowhere"], "http://"),
        (["bench", "nonsense"], "no measurement"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert told in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["ask", "q"], 4, "unauthenticated"),
        (["tenants", "list"], 4, "unauthenticated"),
        (["runs", "list", "--key", "k", "--url", NOBODY], 5, "server_unreachable"),
        (["tenants", "create", "acme", "--key", "k", "--url", NOBODY], 5, "server_unreachable"),
        (["ask"], 2, "wrong_usage"),
        (["connections", "add", "freshdesk", "acme.freshdesk.com", "--key", "k", "--url", NOBODY], 2, "wrong_usage"),
        (["connections", "delete", "conn_1", "--key", "k", "--url", NOBODY], 130, "interrupted"),
    ],
)
def test_with_json_a_failure_is_one_document(
    arguments: list[str], exit_code: int, code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A script has no terminal on which it could be asked for a helpdesk's key or whether it is sure.
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main([*arguments, "--json"]) == exit_code
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.out.count("\n") == 1
    assert document["error"]["code"] == code
    assert document["error"]["exit_code"] == exit_code
    assert captured.err.strip() in ("", "Forget conn_1 and delete its documents? [y/N]:")


def test_text_of_others_is_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "q", "--key", "k", "--url", "[bold]x[/nonsense]"]) == 2
    assert "[bold]x[/nonsense]" in capsys.readouterr().err


def test_bad_settings_are_told_by_the_variable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DESKLORE_LOG_LEVEL", "LOUD")
    assert main(["up"]) == 2
    assert "DESKLORE_LOG_LEVEL: must be DEBUG" in capsys.readouterr().err
    monkeypatch.setenv("DESKLORE_LOG_LEVEL", "INFO")
    monkeypatch.setenv("DESKLORE_ENVIRONMENT", "production")
    assert main(["up", "--json"]) == 2
    assert "DESKLORE_OPERATOR_KEY" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_the_script_of_a_checkout_runs_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "backend.cli", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: No such command")
