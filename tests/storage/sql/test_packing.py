"""What is packed beside the event loop is the row that the table has."""

from backend.storage.sql.packing import COLUMNS, TEXTS, TIMES
from backend.storage.sql.tables import documents


def test_the_columns_are_those_of_the_table() -> None:
    assert tuple(column.name for column in documents.columns) == COLUMNS
    assert {*TIMES, *TEXTS} <= set(COLUMNS)
