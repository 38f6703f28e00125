"""`desklore index move` as a command: what it can't do it says before it touches anything. What it does: tests/e2e/test_index_move.py."""

import json
from pathlib import Path

import pytest

from backend.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is given; no server is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESKLORE_QDRANT_URL", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("embedded", "embedded", "the same place"),
        ("server", "shared", "DESKLORE_VECTOR_LAYOUT"),
        ("embedded", "server", "DESKLORE_QDRANT_URL"),
        ("elsewhere", "server", "elsewhere"),
    ],
)
def test_what_is_missing_is_said(source: str, target: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "move", "--from", source, "--to", target, "--json"]) == 2
    assert told in json.loads(capsys.readouterr().out)["error"]["message"]
    assert list(folder.iterdir()) == []
