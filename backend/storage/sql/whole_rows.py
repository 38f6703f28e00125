"""Rows of any table as lines of JSON and back, and one text of a row that is the same in every database."""

import base64
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import JSON, BigInteger, Column, Date, Float, Integer, LargeBinary, Table

from backend.core.errors import AppError, Code
from backend.storage.sql.columns import UtcTime
from backend.storage.sql.schema import metadata

TABLES: Final[tuple[Table, ...]] = tuple(metadata.sorted_tables)
"""Every table of ours, those that others refer to first."""

Row = Mapping[str, Any]
"""Column -> value as the stores' queries give it; JSON as its text."""


def to_line(table: Table, row: Row) -> bytes:
    """A row as one line of JSON, with its line end: times in ISO 8601, bytes in base64."""
    return msgspec.json.encode({column.name: _raw(column, row[column.name]) for column in table.columns}) + b"\n"


def from_line(table: Table, line: bytes) -> dict[str, Any]:
    """The row again, ready to be inserted. Raises INVALID_REQUEST for what is no row of this table."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        if set(fields) != {column.name for column in table.columns}:
            raise ValueError("its columns are others")
        return {column.name: _value(column, fields[column.name]) for column in table.columns}
    except (ValueError, msgspec.DecodeError) as error:
        raise AppError(Code.INVALID_REQUEST, f"A line of the table {table.name} can't be read: {error}.") from error


def same_everywhere(table: Table, row: Row) -> bytes:
    """One text for a row, whichever database it came from.

    JSONB sorts keys, writes numbers its own way and takes no null character, so none of these counts.
    """
    plain = {column.name: _plain(column, row[column.name]) for column in table.columns}
    return msgspec.json.encode(plain, order="deterministic")


def of_json(table: Table) -> set[str]:
    """Names of the columns that hold JSON."""
    return {column.name for column in table.columns if isinstance(column.type, JSON)}


def _raw(column: Column[Any], value: Any) -> Any:
    return msgspec.Raw(value.encode()) if isinstance(column.type, JSON) and value is not None else value


def _value(column: Column[Any], raw: msgspec.Raw) -> Any:
    if bytes(raw) == b"null":
        return None
    if isinstance(column.type, JSON):
        # As a copy: the line it points into is gone by the time it is written.
        return msgspec.Raw(bytes(raw))
    return msgspec.json.decode(raw, type=_python_type(column))


def _python_type(column: Column[Any]) -> Any:
    known: tuple[tuple[type[Any], type[Any]], ...] = (
        (UtcTime, datetime),
        (Date, date),
        (LargeBinary, bytes),
        (Float, float),
        (BigInteger, int),
        (Integer, int),
    )
    return next((python for sql, python in known if isinstance(column.type, sql)), str)


def _plain(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, JSON):
        return _normal(msgspec.json.decode(value))
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    return _normal(value)


def _normal(value: Any) -> Any:
    change = _NORMAL.get(type(value))
    return value if change is None else change(value)


def _whole(value: float) -> Any:
    return int(value) if value.is_integer() else value


_NORMAL: Final[dict[type[Any], Callable[[Any], Any]]] = {
    dict: lambda value: {_normal(name): _normal(part) for name, part in value.items()},
    list: lambda value: [_normal(part) for part in value],
    str: lambda value: value.replace("\0", "\ufffd"),
    float: _whole,
}
