"""Read DOCX: paragraphs and tables in order, cut at headings."""

import re
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from backend.adapters.file.extract.collector import Collector, HeadingPath, row_text
from backend.adapters.file.extract.guard import check_archive
from backend.core.errors import AppError, Code

_HEADING: Final = re.compile(r"^(?:heading|제목)\s?([1-9])$", re.IGNORECASE)


def read_word(path: Path, name: str, into: Collector) -> None:
    """A piece per heading with the path of headings above it. Raises ATTACHMENT_UNREADABLE, _ENCRYPTED or _TOO_LARGE."""
    check_archive(path, name)
    import docx  # noqa: PLC0415 - loads lxml, which only DOCX needs; its parser resolves no entities
    from docx.opc.exceptions import OpcError  # noqa: PLC0415 - loaded for Office files only
    from docx.table import Table  # noqa: PLC0415 - loaded for Office files only

    headings = HeadingPath()
    lines: list[str] = []
    size = 0
    try:
        for block in docx.Document(str(path)).iter_inner_content():
            if isinstance(block, Table):
                text = _table_text(block)
            else:
                text = block.text.strip()
                level = _level(block)
                if level and text:
                    _flush(into, lines, headings)
                    size = 0
                    headings.enter(level, text)
                    continue
            lines.append(text)
            size += len(text)
            if into.full or size > into.left:
                break
    except (OpcError, SyntaxError, BadZipFile, KeyError, ValueError, OSError, AttributeError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {type(error).__name__}.") from error
    _flush(into, lines, headings)


def _flush(into: Collector, lines: list[str], headings: HeadingPath) -> None:
    into.add("\n".join(lines) if any(lines) else headings.last, heading=str(headings))
    lines.clear()


def _level(paragraph: Any) -> int:
    style = paragraph.style.name if paragraph.style is not None else ""
    match = _HEADING.match(style or "")
    if match:
        return int(match.group(1))
    return 1 if style == "Title" else 0


def _table_text(table: Any) -> str:
    rows = []
    for row in table.rows:
        cells: list[str] = []
        before = None
        for cell in row.cells:
            # A merged cell is told once for every column it covers.
            if cell is not before:
                cells.append(cell.text)
            before = cell
        rows.append(row_text(cells))
    return "\n".join(row for row in rows if row)
