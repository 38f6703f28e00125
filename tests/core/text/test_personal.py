"""What is personal data and what only looks like it, in Korean and English."""

import pytest

from backend.core.text.masking import redact
from backend.core.text.personal import Kind, find

PHONES = """010-1234-5678|０１０－１２３４－５６７８|01012345678|010 1234 5678|010.1234.5678|(010) 1234-5678|010)1234-5678|010 - 1234 - 5678
011-234-5678|(02) 123-4567|02)123-4567|02-1234-5678|031-123-4567|0212345678|070-1234-5678|0507-1234-5678|080-123-4567|1588-1234|1544-1234
+82 10-1234-5678|+82-10-1234-5678|+821012345678|＋８２ １０-1234-5678|+82 (0)10 1234 5678|+82(10)1234-5678|+82-2-123-4567|0082-10-1234-5678
82-10-1234-5678|821012345678|010‑1234‑5678|010–1234–5678|010·1234·5678
+1 415-555-0132|+1 (415) 555-0132|+14155550132|(415) 555-0132|415-555-0132|415.555.0132|1-800-555-0199|+44 20 7946 0958|+4915112345678
+33 6 12 34 56 78|+81 3-1234-5678|020 7946 0958|03-1234-5678"""
CARDS = (
    "4111 1111 1111 1111|4111-1111-1111-1111|4111111111111111|5555-5555-5555-4444|3782 822463 10005|378282246310005|４１１１-1111-1111-1111"
)
RESIDENTS = "900101-1234568|900101-5234567|900101 1234567|９００１０１－１２３４５６７|900101 - 2234567|9001011234568"
IBANS = "DE89370400440532013000|DE89 3704 0044 0532 0130 00|GB29 NWBK 6016 1331 9268 19|ES91 2100 0418 4502 0005 1332|NO93 8601 1117 947"
EMAILS = """minsu@hanbit.co.kr|minsu.kim+vpn@hanbit.co.kr|ｍｉｎｓｕ＠hanbit.co.kr|minsu%40hanbit.co.kr
o'brien@example.ie|a_b-c@sub.example.museum"""
POSITIVE = [
    (kind, value)
    for kind, values in (
        (Kind.PHONE, PHONES),
        (Kind.CARD, CARDS),
        (Kind.RESIDENT, RESIDENTS),
        (Kind.IBAN, IBANS),
        (Kind.EMAIL, EMAILS),
    )
    for value in values.replace("\n", "|").split("|")
]
AROUND = (
    "%s",
    "연락처는%s입니다.",
    "%s로 연락 주세요",
    "%s으로",
    "%s에게",
    "번호가 %s인데요",
    "<%s>",
    "call %s.",
    "Tel:%s,",
    "[%s]",
    "a %s b",
    "2026-11-21 %s 2026-11-22",
    "1. %s",
    "- %s\n",
    "이름/%s/주소",
    "티켓 12번 %s 3건",
)
NEGATIVE = """ERR-4012|E4012-0101|#1234567|#01012345678|TKT-2026-001234|주문번호 20261121-1234567
ORD-20261121-0001|ORD-010-1234-5678|INV-0212345678
v5.2.1.2034|5.2.0|2026-11-21|2026-11-21 10:20:30|2026.11.21|2026. 11. 21. 14:00|21/11/2026|20261121103000
1,234,567원|₩12,000,000|₩0212345678
$1,234.56|+15.000.000|1234567890|12345678901|1763712000000|1710123456789|https://hanbit.freshdesk.com/a/tickets/20261234567
550e8400-e29b-41d4-a716-446655440000|192.168.10.254:8080|10.0.0.1|0x80070005|900199-1234567|901301-1234567|900101-9234567|4111-1111-1111-1112
1234-5678-9012-3456|0000 0000 0000 0000|DE89370400440532013001|123-45-67890|110-123-456789|react@18.2.0|icon@2x.png|@scope/pkg
git@github.com:org/repo.git|user@localhost|@김민수|2026-11-21T10:00:00+09:00|UTC+9 2026-11-21|UTC+7 2026-11-21
1600-1700|1800-1900|9:00-18:00
12345-67890|0.0212345678|sha 3f2504e04f8911d39a0c0305e82c3301|SN 0101234567890123|3.14159265358979|KB5034441 24H2 26100.2033
2026-01-02 2026-02-03 2026-03-04|100-200-300-400|serial A010-1234-5678B|1 234 567 890|+1,234,567|1 2 3 4 5 6 7 8 9 10 11 12
req_01012345678|KR2026 1121 0001 0002|FIRMWARE AB12 3456|시리얼 SN-1588-1234|v1588-1234""".replace("\n", "|").split("|")


@pytest.mark.parametrize(("kind", "value"), POSITIVE, ids=[value for _, value in POSITIVE])
def test_a_value_is_found_whatever_stands_around_it(kind: Kind, value: str) -> None:
    for around in AROUND:
        text = around % value
        assert [(text[span.start : span.end], span.kind) for span in find(text)] == [(value, kind)], text


@pytest.mark.parametrize("value", NEGATIVE)
def test_what_only_looks_like_one_stays(value: str) -> None:
    for around in ("%s", "오류 %s입니다", "(%s)", "x %s, y", "%s를 확인"):
        text = around % value
        assert find(text) == [], text


def test_several_values_in_one_line() -> None:
    text = "김민수 / 010-1234-5678 / 02-123-4567 / minsu@hanbit.co.kr / 카드 4111-1111-1111-1111 / 900101-1234568"
    assert [span.kind for span in find(text)] == [Kind.PHONE, Kind.PHONE, Kind.EMAIL, Kind.CARD, Kind.RESIDENT]
    assert redact(text) == "김민수 / ***-**** / ***-**** / ***@*** / 카드 ****-****-****-**** / ******-*******"


def test_a_line_end_written_out_as_in_json() -> None:
    assert redact(r"연락처:\n010-1234-5678\n") == r"연락처:\n***-****\n"


@pytest.mark.parametrize(
    "blob", ["a" * 200_000 + "@", "1" * 200_000, "1-" * 100_000, "a@" * 100_000, "AB12 " * 40_000, "+1 " * 60_000, "(" * 100_000 + "1" * 9]
)
def test_hostile_text_takes_no_longer_than_its_length_asks(blob: str) -> None:
    # Quadratic work on 200,000 characters would take minutes: the test would be killed.
    assert find(blob) == []
