"""Records of a file one at a time: whatever the pieces it is read in, however odd one record is, and in bounded memory."""

import io
import json
import zipfile
from pathlib import Path
from typing import IO, Any

import pytest

from backend.adapters.archive import Archive
from backend.adapters.exports import records as reading
from backend.adapters.exports.records import read_records
from backend.adapters.exports.walk import BLOCK, Place, Walk
from backend.core.errors import AppError, Code

TEXTS = ['"][}{"', "한국어 \\ 이모지 🎉", 'a"b\\"c', "x" * 5000, "", "\u2028\n\r\t"]


class Trickle(io.BytesIO):
    """A stream that gives few bytes at a time, so that every place is once the end of a piece."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


def good(stream: IO[bytes], name: str) -> list[Any]:
    return [found.record for found in read_records(stream, name)]


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
def test_an_array_whatever_the_pieces(most: int) -> None:
    wanted = [{"id": n, "text": text, "nested": {"list": [{}, [], text]}} for n, text in enumerate(TEXTS)]
    for written in (json.dumps(wanted), json.dumps(wanted, ensure_ascii=False, indent=2), "\ufeff" + json.dumps(wanted)):
        assert good(Trickle(written.encode(), most), "Tickets0.json") == wanted


@pytest.mark.parametrize("most", [1, 5, 1000])
def test_lines_whatever_the_pieces(most: int) -> None:
    wanted = [{"id": n, "text": text} for n, text in enumerate(TEXTS)]
    written = "\r\n".join(json.dumps(each) for each in wanted) + "\n\n"
    assert good(Trickle(written.encode(), most), "tickets.json") == wanted


def test_a_bad_record_is_told_with_its_bytes_and_the_next_one_is_found() -> None:
    data = b'[{"id": 1}, {"id": 2, "at": NaN}, {"id": }, [1, 2], {"id": 5}]'
    found = list(read_records(io.BytesIO(data), "Tickets0.json"))
    assert [each.record for each in found] == [{"id": 1}, None, None, None, {"id": 5}]
    assert found[2].raw == b'{"id": }'
    assert all(each.problem for each in found[1:4])


def test_what_is_skipped_is_not_looked_at() -> None:
    data = b'[{"id": 1}, {"id": }, {"id": 3}]'
    assert [each.record for each in read_records(io.BytesIO(data), "Tickets0.json", 2)] == [{"id": 3}]


@pytest.mark.parametrize("data", [b'[{"id": 1}, {"id": 2', b'[{"id": "1}]', b"[", b'[{"a": 1}'])
def test_a_list_that_is_not_closed_is_told(data: bytes) -> None:
    with pytest.raises(AppError) as caught:
        list(read_records(io.BytesIO(data), "Tickets0.json"))
    assert caught.value.code is Code.EXPORT_UNREADABLE


def test_a_record_that_never_ends_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 10_000)
    for data in (b'[{"text": "' + b"x" * 1_000_000, b"x" * 1_000_000):
        with pytest.raises(AppError) as caught:
            list(read_records(io.BytesIO(data), "Tickets0.json"))
        assert "10,000 bytes" in caught.value.message


XML = """<?xml version="1.0" encoding="UTF-8"?>
<helpdesk-tickets type="array">
  <helpdesk-ticket>
    <display-id type="integer">7</display-id>
    <subject>로그인 &amp; 결제 &lt;b&gt;</subject>
    <due-by nil="true"/>
    <deleted type="boolean">false</deleted>
    <tags type="array"><tag><name>vip</name></tag></tags>
    <notes type="array"/>
    <custom_field><cf_shop_1>S-1</cf_shop_1></custom_field>
    <huge type="integer">x12</huge>
  </helpdesk-ticket>
  <helpdesk-ticket><display-id type="integer">8</display-id></helpdesk-ticket>
</helpdesk-tickets>
"""


@pytest.mark.parametrize("most", [1, 9, 10_000])
def test_xml_as_the_json_it_would_be(most: int) -> None:
    first, second = good(Trickle(XML.encode(), most), "Tickets0.xml")
    assert first == {
        "display_id": 7,
        "subject": "로그인 & 결제 <b>",
        "due_by": None,
        "deleted": False,
        "tags": [{"name": "vip"}],
        "notes": [],
        "custom_field": {"cf_shop_1": "S-1"},
        "huge": "x12",
    }
    assert second == {"display_id": 8}


@pytest.mark.parametrize(
    "data",
    [
        '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a><b>&y;</b></a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b></a>',
        "<a><b></a>",
        "<a>" * 100,
        "not xml",
    ],
)
def test_xml_that_is_not_safe_or_not_well_formed(data: str) -> None:
    with pytest.raises(AppError) as caught:
        list(read_records(io.BytesIO(data.encode()), "Tickets0.xml"))
    assert caught.value.code is Code.EXPORT_UNREADABLE


async def test_a_walk_goes_on_from_any_place_and_over_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    numbers = range(BLOCK * 2 + 30)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Tickets0.json", json.dumps([{"id": n} for n in numbers]))
        archive.writestr("Tickets1.json", '[{"id": 1000}, {"id": 1001')
        archive.writestr("Tickets2.json", '[{"id": 2000}]')
    opened = Archive(path, "a.zip")
    walk = Walk(opened, opened.members)
    places, rows = [Place()], []
    while True:
        found, place = await walk.read(places[-1])
        if not found:
            break
        rows.append(found)
        places.append(place)
    flat = [row for block in rows for row in block]
    assert [row.record["id"] for row in flat if row.record] == [*numbers, 1000, 2000]
    (bad,) = [row for row in flat if row.record is None]
    assert bad.where == "record 2 of Tickets1.json"
    assert "not closed" in bad.problem
    for number, place in enumerate(places[:-1]):
        another = Walk(opened, opened.members)
        assert (await another.read(place))[0] == rows[number]
        another.close()
    walk.close()
    opened.close()
