"""The names that records of account exports call by number, put beside them before they are made into tickets."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from backend.adapters.exports.reader import Part
from backend.adapters.file.catalog import Catalog
from backend.adapters.file.entries import FileEntry
from backend.adapters.file.exported.recognized import Readers, folder_of
from backend.adapters.file.lot import Rows
from backend.adapters.file.tables.layout import BadRowError
from backend.adapters.file.tables.opened import record_of
from backend.core.errors import AppError


def with_names(
    catalog: Catalog, payloads: Sequence[Rows | AppError], files: Sequence[FileEntry], readers: Readers
) -> list[Rows | AppError]:
    """The same payloads, those of account exports with their names: all of a file's with one look."""
    wanted: dict[int, list[str]] = {}
    by_file: dict[int, dict[str, None]] = {}
    for number, rows in enumerate(payloads):
        if not isinstance(rows, AppError) and rows.raws and not rows.problem:
            keys = _wanted(rows, files[rows.file], readers)
            wanted[number] = keys
            by_file.setdefault(rows.file, {}).update(dict.fromkeys(keys))
    names = {file: _named(catalog, files[file], list(keys)) for file, keys in by_file.items() if keys}
    return [
        structs.replace(rows, names={key: names[rows.file][key] for key in wanted[number] if key in names[rows.file]})
        if not isinstance(rows, AppError) and wanted.get(number)
        else rows
        for number, rows in enumerate(payloads)
    ]


def _wanted(rows: Rows, file: FileEntry, readers: Readers) -> list[str]:
    sheet = file.sheet
    if sheet is None or not sheet.export:
        return []
    try:
        record = record_of(rows.raws[-1], sheet.layout)
    except BadRowError:
        return []
    return list(readers[sheet.export].wanted(Part(sheet.part), record))


def _named(catalog: Catalog, file: FileEntry, keys: Sequence[str]) -> dict[str, Any]:
    assert file.sheet is not None  # noqa: S101 - only records of an export want names
    return catalog.exported.names(folder_of(file.path), file.sheet.export, keys)
