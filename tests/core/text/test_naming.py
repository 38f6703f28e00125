"""Which numbers of a question are a ticket's."""

import pytest

from backend.core.text.naming import named_tickets


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("#285 어떻게 됐나요?", ("285",)),
        ("what did we do in ticket 285 and in Ticket #31?", ("285", "31")),
        ("ticket no. 7", ("7",)),
        ("티켓 번호 285번은요?", ("285",)),
        ("티켓 285랑 티켓285 비교해줘", ("285",)),
        ("285번 티켓 요약해줘", ("285",)),
        ("문의번호 1024 처리 상태", ("1024",)),
        ("#1 #2 #3 #4 #5 #6", ("1", "2", "3", "4", "5")),
        ("오류 코드 4012가 나와요", ()),
        ("티켓 3건이 열려 있어요", ()),
        ("tickets older than 30 days", ()),
        ("ticket 2 days old", ()),
        ("the price is 12.50 and item#4 is gone", ()),
        ("ticket 3.5", ()),
        ("", ()),
    ],
)
def test_numbers_that_are_said_to_be_a_ticket_s(text: str, numbers: tuple[str, ...]) -> None:
    assert named_tickets(text) == numbers
