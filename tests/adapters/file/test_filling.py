"""A file of tickets is looked through in pieces, and the catalog has what it would have of the whole."""

import tempfile
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.adapters.file.catalog import Catalog
from backend.adapters.file.declared import Declared
from backend.adapters.file.entries import Kind
from backend.adapters.file.filling import Filling
from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import Sheet, open_tickets
from backend.adapters.file.tables.opened import Table

HEADINGS = "번호,제목,문의내용,상태,접수일시,첨부파일\n"
PLAIN = [
    f'{number},제목 {number},"첫 줄 {number}\n둘째 ""줄"" {number}",접수,2025-01-02 03:{number % 60:02}:05,\n' for number in range(300)
]
OPEN = '777,"nobody closes this,접수,2025-01-02 03:04:05,\n'
ODD = [",no id,x,접수,,\n", "\n", "5,a,b,c,d,e,f,g\n", "900,files,x,접수,어제,files/1.png\n", OPEN]
AT = datetime(2025, 3, 1, tzinfo=UTC)


def opened(text: str, name: str, encoding: str) -> tuple[Table, Sheet]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the table
    file.write(text.encode(encoding))
    file.seek(0)
    found = open_tickets(file, name, Declared())
    assert found is not None
    return found


async def filled(text: str, encoding: str, *, piece: int) -> tuple[list[Any], list[Any]]:
    """The catalog's rows, and the files that they name."""
    table, sheet = opened(text, "tickets.csv", encoding)
    catalog = Catalog()
    found = Found(path="tickets.csv", size=1, stamp="s", modified=AT)
    await Filling(catalog, found, table, sheet, piece=piece).fill(lambda name: name)
    catalog.settle()
    known = catalog.known()
    assert [(entry.path, entry.stamp, entry.kind) for entry in known.values()] == [("tickets.csv", "s", Kind.TICKETS)]
    tickets = catalog.page(None, 1_000, since=None, until=None, gone=False)
    files, spans = catalog.placed([ticket.key for ticket in tickets])
    assert len(files) == 1
    rows = [(ticket.key, ticket.version, [span[1:] for span in spans[ticket.key]]) for ticket in tickets]
    table.close()
    catalog.close()
    return rows, sorted(spans)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-16"])
@pytest.mark.parametrize("odd", [0, 1, 150, 299])
async def test_pieces_say_what_the_whole_says(encoding: str, odd: int) -> None:
    text = HEADINGS + "".join([*PLAIN[:odd], *ODD, *PLAIN[odd:]])
    whole = await filled(text, encoding, piece=1 << 20)
    assert len(whole[0]) > 290
    for piece in (40, 333, 4_096):
        assert await filled(text, encoding, piece=piece) == whole


async def test_what_is_stopped_in_the_middle_leaves_what_was_there() -> None:
    table, sheet = opened(HEADINGS + "".join([*PLAIN, *ODD]), "tickets.csv", "utf-8")
    catalog = Catalog()
    found = Found(path="tickets.csv", size=1, stamp="old", modified=AT)
    await Filling(catalog, found, table, sheet).fill(lambda name: name)
    catalog.settle()
    before = catalog.count()

    def stop(name: str) -> str:
        raise KeyError(name)

    with pytest.raises(KeyError, match="files/1"):
        await Filling(catalog, Found(path="tickets.csv", size=1, stamp="new", modified=AT), table, sheet, piece=1_000).fill(stop)
    assert [(entry.path, entry.stamp) for entry in catalog.known().values()] == [("tickets.csv", "old")]
    catalog.settle()
    assert catalog.count() == before
    table.close()
    catalog.close()


def test_pieces_end_where_rows_do() -> None:
    table, _ = opened(HEADINGS + "".join(PLAIN), "tickets.csv", "cp949")
    pieces = list(table.pieces(1_000))
    assert b"".join(data for _, data, _ in pieces) == "".join(PLAIN).encode("cp949")
    assert len(pieces) > 10
    assert all(data.count(b'"') % 2 == 0 for _, data, _ in pieces)
    assert [last for _, _, last in pieces] == [False] * (len(pieces) - 1) + [True]
    table.close()
