"""How far a long command is: a bar on a terminal, a line now and then in a pipe, nothing with --json."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.cli.output import Output
from backend.storage.moving.progress import Tell, silent

_LINE_SECONDS: Final = 2.0


@contextmanager
def counting(output: Output) -> Iterator[Tell]:
    """What to tell the steps of the command to."""
    if output.as_json:
        yield silent
    elif not output.live:
        yield _lines(output)
    else:
        columns = (TextColumn("{task.description:<32}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=output.console, transient=True) as progress:
            task = progress.add_task("", total=None)

            def show(what: str, done: int, total: int) -> None:
                progress.update(task, description=what, completed=done, total=total)

            yield show


def _lines(output: Output) -> Tell:
    told_at = time.monotonic()

    def show(what: str, done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _LINE_SECONDS:
            told_at = time.monotonic()
            output.remark(f"  {what}: {done} of {total}")

    return show
