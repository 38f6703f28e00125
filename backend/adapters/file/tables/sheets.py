"""Spreadsheets: the first sheet that holds a table, written down a JSON object a row."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from backend.adapters.file.tables.layout import Kind, Layout
from backend.core.errors import AppError, Code

_LOOKED_AT: Final = 10
"""Rows at the top among which the headings are looked for: titles and empty lines come before them."""
_ROWS_MAX: Final = 1_100_000
"""More than a sheet can have."""


def spool_sheet(path: Path, out: BinaryIO) -> Layout | None:
    """Write the rows below the headings; None where no sheet holds a table. Raises ATTACHMENT_ENCRYPTED or _UNREADABLE."""
    import python_calamine as calamine  # noqa: PLC0415 - only spreadsheets need it

    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        for sheet in book.sheets_metadata:
            if sheet.typ != calamine.SheetTypeEnum.WorkSheet or sheet.visible != calamine.SheetVisibleEnum.Visible:
                continue
            found = _written(book.get_sheet_by_name(sheet.name).iter_rows(), out)
            if found is not None:
                headings, first = found
                return Layout(kind=Kind.LINES, headings=headings, first=first, spooled=True, told_as=f"spreadsheet, {sheet.name}")
    except calamine.PasswordError as error:
        raise AppError(Code.ATTACHMENT_ENCRYPTED, "It is protected by a password.") from error
    except (calamine.CalamineError, ValueError, OSError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"It is damaged: {error}") from error
    return None


def _written(rows: Iterator[list[Any]], out: BinaryIO) -> tuple[tuple[str, ...], int] | None:
    """The headings, and the number of the row below them."""
    headings: tuple[str, ...] = ()
    first = 0
    for number, row in zip(range(1, _ROWS_MAX), rows, strict=False):
        if not headings:
            texts = [_cell(cell) for cell in row]
            filled = [text for text in texts if text]
            if len(filled) >= 2 and all(isinstance(cell, str) for cell in row if cell not in ("", None)):
                headings, first = tuple(str(text).strip() for text in texts), number + 1
            elif number >= _LOOKED_AT:
                return None
            continue
        record = {heading: cell for heading, each in zip(headings, row, strict=False) if heading and (cell := _cell(each)) != ""}
        out.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) if record else b"\n")
    return (headings, first) if headings else None


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return "" if value is None else str(value)
