"""Rows of files however they are written: encodings, delimiters, JSON shapes, spreadsheets, and what is broken in them."""

import io
import json
import tempfile

import openpyxl
import pytest

from backend.adapters.file.tables.layout import Row
from backend.adapters.file.tables.opened import Table, open_table, record_of
from backend.core.errors import AppError, Code

TEXT = '번호,제목,내용\n1,"로그인, 오류","첫 줄\n둘째 줄 ""인용"""\n2,결제,환불\n'
RECORDS = [{"번호": "1", "제목": "로그인, 오류", "내용": '첫 줄\n둘째 줄 "인용"'}, {"번호": "2", "제목": "결제", "내용": "환불"}]


def opened(data: bytes, name: str) -> Table:
    """The table in these bytes."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the table
    file.write(data)
    file.seek(0)
    table = open_table(file, name)
    assert table is not None
    return table


def all_rows(table: Table) -> list[Row]:
    """Every row; each says the same when it is read by its place."""
    rows = list(table.rows())
    for row in rows:
        if row.record is not None:
            assert record_of(table.read(row.start, row.size), table.layout) == row.record
    table.close()
    return rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(encoding: str, delimiter: str) -> None:
    text = TEXT if delimiter == "," else TEXT.replace("로그인, 오류", "로그인 오류").replace(",", delimiter)
    rows = all_rows(opened(text.encode(encoding), "tickets.csv"))
    assert [(row.number, row.record) for row in rows][1] == (3, RECORDS[1])
    assert rows[0].record is not None
    assert rows[0].record["내용"] == RECORDS[0]["내용"]


def test_old_line_ends_and_blank_lines() -> None:
    assert [row.record for row in all_rows(opened(b"id,title\r1,a\r\r2,b\r", "t.csv"))] == [
        {"id": "1", "title": "a"},
        {"id": "2", "title": "b"},
    ]
    assert [row.number for row in all_rows(opened(b"id,title\r\n1,a\r\n,\r\n2,b\r\n", "t.csv"))] == [2, 4]


def test_a_quotation_mark_nobody_closes_spoils_one_row() -> None:
    rows = all_rows(opened(b'id,title,text\n1,a,fine\n2,"open,never\n3,c,fine\n4,d,fine\n', "t.csv"))
    assert [(row.number, row.record is not None) for row in rows] == [(2, True), (3, False), (4, True), (5, True)]
    assert "no CSV" in rows[1].problem


def test_rows_with_too_many_cells_or_foreign_bytes_are_told() -> None:
    rows = all_rows(opened(b"id,title\n1,a\n2,b,c,d\n3,c\n", "t.csv"))
    assert "4 cells" in rows[1].problem
    bad = "번호,제목\n".encode() + "1,가나다라마바사\n".encode() * 70_000 + b"2,\xff\xfe\xff\n3,\xea\xb0\x80\n"
    rows = all_rows(opened(bad, "t.csv"))
    assert [row.record is not None for row in rows[-3:]] == [True, False, True]


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1, "a": {"b": "가"}}\n\n{"id": 2}\n',
        '[{"id": 1, "a": {"b": "가"}}, {"id": 2}]',
        '{"count": 2, "tickets": [{"id": 1, "a": {"b": "가"}}, {"id": 2}], "next": null}',
        '[{"ticket": {"id": 1, "a": {"b": "가"}}}, {"helpdesk_ticket": {"id": 2}}]',
        '{"meta": {"tags": []}, "empty": [], "rows": [{"id": 1, "a": {"b": "가"}}, {"id": 2}]}',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_in_its_shapes(text: str, encoding: str) -> None:
    rows = all_rows(opened(text.encode(encoding), "tickets.json"))
    assert [row.record for row in rows] == [{"id": 1, "a.b": "가"}, {"id": 2}]


def test_json_that_ends_in_the_middle_is_unreadable_and_a_broken_line_is_one_row() -> None:
    with pytest.raises(AppError) as caught:
        opened(b'[{"id": 1}, {"id": ', "cut.json")
    assert caught.value.code is Code.ATTACHMENT_UNREADABLE
    assert caught.value.message.startswith("cut.json: ")
    rows = all_rows(opened(b'{"id": 1}\n{"id": \n[1]\n{"id": 4}\n', "t.jsonl"))
    assert [(row.number, row.record is not None) for row in rows] == [(1, True), (2, False), (3, False), (4, True)]


def test_a_large_array_is_read_object_by_object() -> None:
    text = json.dumps([{"id": number, "text": "가" * 500} for number in range(4_000)], ensure_ascii=False)
    rows = all_rows(opened(text.encode(), "t.json"))
    assert [row.record["id"] for row in rows if row.record] == list(range(4_000))


def test_a_spreadsheet_with_a_title_above_its_headings() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["문의 내역"], [], ["번호", "제목", "건수"], [1, "로그인", 2.5], [2, "결제", None]):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    rows = all_rows(opened(out.getvalue(), "t.xlsx"))
    assert [row.record for row in rows] == [{"번호": "1", "제목": "로그인", "건수": "2.5"}, {"번호": "2", "제목": "결제"}]


def test_a_damaged_spreadsheet_and_an_empty_file_name_themselves() -> None:
    for data, name, code in ((b"PK\x03\x04 nothing", "a.xlsx", Code.ATTACHMENT_UNREADABLE), (b" \n", "b.csv", Code.ATTACHMENT_EMPTY)):
        with pytest.raises(AppError) as caught:
            opened(data, name)
        assert (caught.value.code, caught.value.message[:6]) == (code, f"{name}: "[:6])
