"""How the rows of a file are written, and what one row says."""

from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct

Record = dict[str, Any]
"""A row: heading -> cell; of JSON the names of nested objects with a dot between them."""


class Kind(StrEnum):
    """What a row's bytes are."""

    CSV = "csv"
    LINES = "lines"
    """A JSON object a line."""
    RECORDS = "records"
    """A record of an account export a line, as it is; where there is none, a list that begins with the reason."""


class Layout(Struct, frozen=True, kw_only=True):
    """All that is needed to read any row of a file."""

    kind: Kind
    encoding: str = "utf-8"
    """One whose line ends are the byte 10: others are written down anew in UTF-8 first."""
    delimiter: str = ","
    headings: tuple[str, ...] = ()
    begin: int = 0
    """Bytes before the first row."""
    first: int = 2
    """The first row's number, as a spreadsheet or an editor counts."""
    spooled: bool = False
    """The rows are not the file's own bytes, but those of what was written down of it."""
    told_as: str = ""
    """What to call it to people: `CSV, cp949, ;`."""


class Row(NamedTuple):
    """One row and where it is."""

    number: int
    start: int
    size: int
    """In bytes."""
    record: Record | None
    problem: str = ""
    """Why there is no record."""


class CutShortError(Exception):
    """The last row of a piece of a file may go on behind its end."""


class BadRowError(ValueError):
    """A row that makes no sense; says why."""


def flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> Record:
    """Nested objects as names with dots; lists stay as they are."""
    found: Record = {}
    for name, each in value.items():
        if isinstance(each, dict) and depth < 4:
            found |= flat(each, f"{prefix}{name}.", depth + 1)
        else:
            found[f"{prefix}{name}"] = each
    return found
