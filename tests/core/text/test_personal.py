"""What is personal data and what only looks like it, in Korean and English."""

import pytest

from backend.core.model.personal import Kind
from backend.core.text.masking import redact
from backend.core.text.personal import find

PHONES = """010-1234-5678|０１０－１２３４－５６７８|01012345678|010 1234 5678|010.1234.5678|(010) 1234-5678|010)1234-5678|010 - 1234 - 5678
011-234-5678|(02) 123-4567|02)123-4567|02-1234-5678|031-123-4567|0212345678|070-1234-5678|0507-1234-5678|080-123-4567|1588-1234|1544-1234
+82 10-1234-5678|+82-10-1234-5678|+821012345678|＋８２ １０-1234-5678|+82 (0)10 1234 5678|+82(10)1234-5678|+82-2-123-4567|0082-10-1234-5678
82-10-1234-5678|821012345678|010‑1234‑5678|010–1234–5678|010·1234·5678
+1 415-555-0132|+1 (415) 555-0132|+14155550132|(415) 555-0132|415-555-0132|415.555.0132|1-800-555-0199|+44 20 7946 0958|+4915112345678
+33 6 12 34 56 78|+81 3-1234-5678|020 7946 0958|03-1234-5678"""
CARDS = """4111.1111.1111.1111|4111 - 1111 - 1111 - 1111|3782.822463.10005|9410123456789010
4111 1111 1111 1111|4111-1111-1111-1111|4111111111111111|5555-5555-5555-4444|3782 822463 10005|378282246310005|４１１１-1111-1111-1111"""
RESIDENTS = "900101-1234568|900101-5234567|900101 1234567|９００１０１－１２３４５６７|900101 - 2234567|9001011234568"
STARRED = (
    "900101-1******|900101-12*****|900101 - 2******|900101-*******|９００１０１－１＊＊＊＊＊＊|9001011******|******-1234567|90****-1******"
)
PASSPORTS = "M12345678|S12345678|R87654321|G12345678|D12345678|M123A4567"
IBANS = "DE89370400440532013000|DE89 3704 0044 0532 0130 00|GB29 NWBK 6016 1331 9268 19|ES91 2100 0418 4502 0005 1332|NO93 8601 1117 947"
EMAILS = """minsu@hanbit.co.kr|minsu.kim+vpn@hanbit.co.kr|ｍｉｎｓｕ＠hanbit.co.kr|minsu%40hanbit.co.kr
o'brien@example.ie|a_b-c@sub.example.museum"""
POSITIVE = [
    (kind, value)
    for kind, values in (
        (Kind.PHONE, PHONES),
        (Kind.CARD, CARDS),
        (Kind.RESIDENT, RESIDENTS),
        (Kind.RESIDENT, STARRED),
        (Kind.PASSPORT, PASSPORTS),
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


NAMED = [
    (Kind.ACCOUNT, "계좌번호 110-123-456789입니다", "110-123-456789"),
    (Kind.ACCOUNT, "신한은행 110-123-456789 (예금주 김민수)", "110-123-456789"),
    (Kind.ACCOUNT, "신한 110-123-456789로 입금했습니다", "110-123-456789"),
    (Kind.ACCOUNT, "우리은행 1002-123-456789", "1002-123-456789"),
    (Kind.ACCOUNT, "국민 123456-01-123456", "123456-01-123456"),
    (Kind.ACCOUNT, "농협 302-1234-5678-91", "302-1234-5678-91"),
    (Kind.ACCOUNT, "카카오뱅크 3333-01-1234567", "3333-01-1234567"),
    (Kind.ACCOUNT, "하나은행: 123-456789-12345", "123-456789-12345"),
    (Kind.ACCOUNT, "토스뱅크 1000-1234-5678", "1000-1234-5678"),
    (Kind.ACCOUNT, "새마을금고 9002-1234-5678-9", "9002-1234-5678-9"),
    (Kind.ACCOUNT, "기업은행 123-123456-12-123", "123-123456-12-123"),
    (Kind.ACCOUNT, "환불 계좌: 110123456789", "110123456789"),
    (Kind.ACCOUNT, "환불 계좌 110 123 456789", "110 123 456789"),
    (Kind.ACCOUNT, "110-123-456789 (신한은행)", "110-123-456789"),
    (Kind.ACCOUNT, "계좌 １１０－１２３－４５６７８９", "１１０－１２３－４５６７８９"),
    (Kind.ACCOUNT, "my bank account is 110-123-456789.", "110-123-456789"),
    (Kind.PHONE, "농협 계좌 문의 010-1234-5678", "010-1234-5678"),
    (Kind.PHONE, "은행 대표번호 1588-1234", "1588-1234"),
    (Kind.RESIDENT, "주민등록번호 9001011234567", "9001011234567"),
    (Kind.RESIDENT, "주민번호는 9001011234567 입니다", "9001011234567"),
    (Kind.RESIDENT, "외국인등록번호(13자리 없이): 9001015234567", ""),
    (Kind.RESIDENT, "외국인등록번호: 9001015234567", "9001015234567"),
    (Kind.RESIDENT, "주문번호 확인 부탁드려요. 주민번호 900101-1234567", "900101-1234567"),
    (Kind.PASSPORT, "여권번호는 AB1234567입니다", "AB1234567"),
    (Kind.PASSPORT, "passport no. 123456789", "123456789"),
    (Kind.PASSPORT, "Passport number is C01X00T478", "C01X00T478"),
    (Kind.CARD, "카드번호4111111111111111로 결제", "4111111111111111"),
    (Kind.PHONE, "주문자 번호 01012345678", "01012345678"),
]
NAMED_OTHERWISE = (
    """주문번호 240101-1234567|주문번호: 240101-1234567, 240102-1234568|주문 번호는 240101-1234567입니다|order number 240101-1234567
주문번호 4111111111111111|송장번호 4111-1111-1111-1111|운송장 번호: 4111111111111111|Order no. 4111 1111 1111 1111|invoice #4111111111111111
Invoice 4111-1111-1111-1111|tracking number 4111111111111111|카드 결제 주문번호(4111111111111111)|4111-1111-1111-1112|송장번호 01012345678
1588-1600원|1588-1600 원|1588-1600만원|가격은 1500-1600원|계좌 주문번호 240101-1234567|계좌로 2026-11-21 10:00에 입금|계좌 잔액 1000000000원
은행 20261121103000|사업자 123-45-67890 은행|110-123-456789|주문 110-123-456789
우리 회사 2026-11-21|시리얼번호 M12345678|제품번호: S12345678
S20261121|여권 발급 2026-11-21|여권 수수료 150000원|passport renewal|여권 20261121|E12345678|주민번호 뒷자리
*** 900101|123456******1234
******-*******|010-****-5678|900199-1******|4111-11**-****-1111|은행 앱 5.2.1.2034|뱅킹 오류 ERR-4012|상품번호 9001011234568x
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize(("kind", "text", "value"), NAMED)
def test_its_label_tells_what_a_number_is(kind: Kind, text: str, value: str) -> None:
    assert [(text[span.start : span.end], span.kind) for span in find(text)] == ([(value, kind)] if value else [])


@pytest.mark.parametrize("text", NAMED_OTHERWISE)
def test_a_number_that_is_named_something_else_stays(text: str) -> None:
    for around in ("%s", "문의: %s 확인 바랍니다", "(%s)"):
        assert find(around % text) == [], around % text


@pytest.mark.parametrize("value", NEGATIVE)
def test_what_only_looks_like_one_stays(value: str) -> None:
    for around in ("%s", "오류 %s입니다", "(%s)", "x %s, y", "%s를 확인"):
        text = around % value
        assert find(text) == [], text


def test_several_values_in_one_line() -> None:
    text = "김민수 / 010-1234-5678 / 02-123-4567 / minsu@hanbit.co.kr / 카드 4111-1111-1111-1111 / 900101-1234568"
    assert [span.kind for span in find(text)] == [Kind.PHONE, Kind.PHONE, Kind.EMAIL, Kind.CARD, Kind.RESIDENT]
    assert redact(text) == "김민수 / ***-**** / ***-**** / ***@*** / 카드 ****-****-****-**** / ******-*******"


def test_an_account_beside_a_phone_number() -> None:
    assert redact("계좌 110-123-456789 010-1234-5678 김민수") == "계좌 ***-***-****** ***-**** 김민수"
    assert redact("010-1234-5678 은행 110-123-456789") == "***-**** 은행 ***-***-******"


def test_a_line_end_written_out_as_in_json() -> None:
    assert redact(r"연락처:\n010-1234-5678\n") == r"연락처:\n***-****\n"


@pytest.mark.parametrize(
    "blob",
    [
        "은행" + "1" * 200_000,
        "계좌 " + "1-" * 100_000,
        "*" * 200_000,
        "주문번호 " * 40_000,
        "여권 " * 60_000,
        "a" * 200_000 + "@",
        "1" * 200_000,
        "1-" * 100_000,
        "a@" * 100_000,
        "AB12 " * 40_000,
        "+1 " * 60_000,
        "(" * 100_000 + "1" * 9,
    ],
)
def test_hostile_text_takes_no_longer_than_its_length_asks(blob: str) -> None:
    # Quadratic work on 200,000 characters would take minutes: the test would be killed.
    assert find(blob) == []
