"""Read spreadsheets: XLSX, XLSB and XLS."""

import datetime as dt
from pathlib import Path
from typing import Any

from backend.adapters.file.extract.collector import Collector, row_text
from backend.adapters.file.extract.guard import check_archive
from backend.core.errors import AppError, Code


def read_sheets(path: Path, name: str, into: Collector) -> None:
    """A piece per visible sheet, a line per row. Raises ATTACHMENT_UNREADABLE, _ENCRYPTED or _TOO_LARGE."""
    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
    if packed:
        check_archive(path, name)
    import python_calamine as calamine  # noqa: PLC0415 - only spreadsheets need it

    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        for sheet in book.sheets_metadata:
            if sheet.typ != calamine.SheetTypeEnum.WorkSheet or sheet.visible != calamine.SheetVisibleEnum.Visible:
                continue
            if not into.add(_sheet_text(book.get_sheet_by_name(sheet.name), into.left), heading=sheet.name):
                return
    except calamine.PasswordError as error:
        raise AppError(Code.ATTACHMENT_ENCRYPTED, f"{name} is protected by a password.") from error
    except (calamine.CalamineError, ValueError, OSError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {error}") from error


def _sheet_text(sheet: Any, limit: int) -> str:
    rows: list[str] = []
    size = 0
    for row in sheet.iter_rows():
        text = row_text([_cell_text(cell) for cell in row])
        if text:
            rows.append(text)
            size += len(text) + 1
            if size > limit + 1:
                break
    return "\n".join(rows)


def _cell_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes" if not value.second else "seconds")
    return str(value)
