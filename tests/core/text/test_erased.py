"""Telling an erased person by hash, and what is replaced: every writing of an address and a number, names only where they are known."""

import pytest

from backend.core.model.erasure import Named
from backend.core.text.erased import Marks, Scrubber, is_email, is_phone, marks_by, marks_of

KEY = b"k" * 32


def scrubber(*names: str, parts: bool = True, **named: str) -> Scrubber:
    return Scrubber(marks_by(KEY, marks_of(KEY, Named(**named))), names, parts=parts)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("메일 Kim.Minsu@Customer.Example로 보내 주세요", "메일 [erased]로 보내 주세요"),
        ('<a href="mailto:kim.minsu@customer.example">kim.minsu@customer.example</a>', '<a href="mailto:[erased]">[erased]</a>'),
        ("https://acme.example/?user=kim.minsu%40customer.example&x=1", "https://acme.example/?user=[erased]&x=1"),
        ("ｋｉｍ.ｍｉｎｓｕ＠ｃｕｓｔｏｍｅｒ.ｅｘａｍｐｌｅ", "[erased]"),
        ("_kim.minsu@customer.example_ and (kim.minsu@customer.example).", "[erased]_ and ([erased])."),
        ("xkim.minsu@customer.example kim.minsu@customer.example.kr kim.minsu@other.example", None),
    ],
)
def test_an_address_is_found_however_it_is_written(text: str, without: str | None) -> None:
    assert scrubber(email="kim.minsu@customer.example").text(text) == (text if without is None else without)


@pytest.mark.parametrize("number", ["010-1234-5678", "+82 10-1234-5678", "01012345678", "+82 (0)10 1234 5678", "010.1234.5678"])
def test_a_number_is_found_however_it_is_written(number: str) -> None:
    for named in ("010-1234-5678", "+82 10 1234 5678"):
        assert scrubber(phone=named).text(f"전화 {number} 입니다") == "전화 [erased] 입니다"
    assert scrubber(phone="010-1234-5679").text(number) == number


def test_names_go_with_their_parts_and_leave_other_words() -> None:
    one = scrubber("김민수", "Minsu Kim")
    assert (
        one.text("김민수 고객님, 민수가 국민수준 Minsu  Kim, minsu's Kimchi")
        == "[erased] 고객님, [erased]가 국민수준 [erased], [erased]'s Kimchi"
    )
    assert scrubber("Minsu Kim", parts=False).text("Minsu Kim and Minsu") == "[erased] and Minsu"
    assert scrubber("A").text("A cat") == "A cat", "one letter is no name"
    assert scrubber("[erased]").text("[erased]") == "[erased]"


def test_the_persons_own_records_tell_their_names_and_nobody_elses() -> None:
    payload = {
        "status": "open",
        "requester": {"id": 7, "name": "Mark Open", "email": "KIM@customer.example", "mobile": "010-1234-5678"},
        "responder": {"id": 8, "name": "Lee", "email": "lee@acme.example"},
        "via": {"from": {"name": "M. Open", "address": "kim@customer.example"}, "to": {"name": "Support", "address": "s@acme.example"}},
        "description": "I am Mark, call 010 1234 5678. Lee and Support know.",
    }
    by = scrubber(email="kim@customer.example")
    by.look(payload)
    assert by.names == {"Mark Open", "M. Open", "010-1234-5678"}
    without = by.value(payload)
    assert without["requester"] == {"id": 7, "name": "[erased]", "email": "[erased]", "mobile": "[erased]"}
    assert without["responder"] == payload["responder"]
    assert without["status"] == "open", "a word of the helpdesk's is no name"
    assert without["via"]["to"] == {"name": "Support", "address": "s@acme.example"}
    assert "Mark" not in without["description"]
    by_id = scrubber(person_id="7")
    by_id.look(payload)
    assert by_id.names == {"Mark Open", "010-1234-5678"}


def test_what_nobody_would_find_is_refused() -> None:
    assert is_email("kim@customer.example")
    assert not any(is_email(each) for each in ("kim", "a@b.example c@d.example", "kim@localhost", "see kim@customer.example"))
    assert is_phone("+82 10-1234-5678")
    assert not any(is_phone(each) for each in ("12", "2026-03-01"))


def test_another_key_tells_nothing() -> None:
    marks = Marks(key=b"o" * 32, hashes=frozenset(marks_of(KEY, Named(email="kim@customer.example"))))
    assert not marks.email("kim@customer.example")
