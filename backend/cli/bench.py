"""`desklore bench`: run the measurements in bench/, print what they say, and keep their figures in bench/history.jsonl."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.session import JsonOption

FOLDER: Final = Path("bench")
HISTORY: Final = FOLDER / "history.jsonl"
_RUNS_ALONE: Final = 'if __name__ == "__main__":'


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones; else all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure speed and memory, each beside its floor. Needs a checkout. With --json: {"results": [...], "failed": [...]}."""
    output = Output(as_json=as_json)
    found = measurements(FOLDER)
    if unknown := sorted(set(names or ()) - set(found)):
        known = ", ".join(found) or "none here: run it in a checkout"
        raise CliError(Exit.USAGE, f"There is no measurement {', '.join(unknown)}; there are: {known}", code="wrong_usage")
    results: list[dict[str, Any]] = []
    failed: list[str] = []
    for name in names or found:
        output.text(f"== {name}", style="bold")
        code = _run(name, output, results)
        if code:
            failed.append(name)
    output.document({"results": results, "failed": failed})
    if failed:
        raise typer.Exit(Exit.FAILED)


def measurements(folder: Path) -> list[str]:
    """Names of the modules that can be run alone."""
    return sorted(path.stem for path in folder.glob("*.py") if _RUNS_ALONE in path.read_text(encoding="utf-8"))


def _run(name: str, output: Output, results: list[dict[str, Any]]) -> int:
    """Run one: its lines of JSON are results that are kept, its other lines are for people. Returns its exit code."""
    command = [sys.executable, "-m", f"{FOLDER.name}.{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - a module of this checkout
        assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
        for line in process.stdout:
            output.text(line.rstrip("\n"))
            results.extend(_keep(name, line))
    return process.returncode


def _keep(name: str, line: str) -> Iterator[dict[str, Any]]:
    try:
        figures = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return
    if isinstance(figures, dict):
        entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "bench": name, **figures}
        with HISTORY.open("ab") as history:
            history.write(msgspec.json.encode(entry) + b"\n")
        yield entry
