"""`desklore bench`: runs what can run alone, keeps its figures, and tells failures."""

import json
from pathlib import Path

import pytest

from backend.cli.bench import measurements
from backend.cli.main import main

GOOD = '''"""Measure."""
if __name__ == "__main__":
    print("tickets a second")
    print('{"name": "sync", "value": 120.5, "unit": "tickets/s", "floor": 140.0}')
'''
BAD = '"""Measure."""\nif __name__ == "__main__":\n    raise SystemExit(3)\n'


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Bench."""\n')
    (folder / "tools.py").write_text('"""Shared."""\n')
    (folder / "good.py").write_text(GOOD)
    (folder / "bad.py").write_text(BAD)


def test_only_what_runs_alone_is_a_measurement() -> None:
    assert measurements(Path("bench")) == ["bad", "good"]


def test_figures_are_printed_and_kept(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "good"]) == 0
    assert "tickets a second" in capfd.readouterr().out
    assert main(["bench", "good", "--json"]) == 0
    (result,) = json.loads(capfd.readouterr().out)["results"]
    assert (result["bench"], result["value"], result["floor"]) == ("good", 120.5, 140.0)
    history = [json.loads(line) for line in Path("bench/history.jsonl").read_text().splitlines()]
    assert [each["name"] for each in history] == ["sync", "sync"]


def test_a_failed_measurement_does_not_stop_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json"]) == 1
    document = json.loads(capfd.readouterr().out)
    assert document["failed"] == ["bad"]
    assert len(document["results"]) == 1
