"""What a command prints: with --json exactly one JSON document on standard output, else text for people."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.cli.errors import CliError

_WIDE = 160


class Output:
    """Standard output for results, standard error for remarks and errors."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width; without one, tables are cut at 80 columns and a script loses what it greps for.
        self.console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=True)
        self.remarks = Console(stderr=True, width=None if sys.stderr.isatty() else _WIDE, highlight=False, soft_wrap=True)

    @property
    def live(self) -> bool:
        """Whether progress may redraw the screen."""
        return not self.as_json and self.console.is_terminal

    def document(self, value: Any) -> None:
        """Print the command's one JSON document; nothing without --json."""
        if self.as_json:
            sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
            sys.stdout.flush()

    def text(self, text: str = "", *, style: str | None = None, end: str = "\n") -> None:
        """Print a line for people; nothing with --json. The text is shown as it is, never read as markup."""
        if not self.as_json:
            self.console.print(text, style=style, end=end, markup=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
        """Print rows for people, or `empty` where there are none; nothing with --json."""
        if self.as_json:
            return
        table = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        self.console.print(table if table.row_count else empty)

    def remark(self, text: str) -> None:
        """Say something beside the result, on standard error; nothing with --json."""
        if not self.as_json:
            self.remarks.print(text, style="dim", markup=False)

    def error(self, error: CliError) -> None:
        """Tell a failure: one line on standard error, and with --json the error document on standard output."""
        self.document(error.as_json())
        if not self.as_json:
            self.remarks.print(Text.assemble(("Error:", "red"), f" {error.message}"))
