"""What an author wrote stays; what the mail program and the footer added goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.text.quotes import strip_quoted

OWN = "로그인이 되지 않습니다.\n확인 부탁드립니다."


@pytest.mark.parametrize(
    "history",
    [
        "2026년 3월 2일 (월) 오전 10:12, 홍길동 <a@b.c>님이 작성:\n\n> 이전\n> 내용",
        "2026년 3월 2일 (월) 오전 10:12, 고객지원팀\n<support@example.com>님이 작성:\n이전 내용",
        "2026년 3월 2일 (월) 10:12, 홍길동 <a@b.c>님이 작성했습니다:\n이전",
        "2026. 3. 2. 오전 10:12, 홍길동 <a@b.c> 작성:\n\n이전",
        "-----원본 메시지-----\n보낸 사람: 지원 <a@b.c>\n보낸 날짜: 2026년 3월 2일\n받는 사람: 나\n제목: RE: 문의\n\n이전",
        "________________________________\n보낸 사람: 지원 <a@b.c>\n보낸 날짜: 2026년\n받는 사람: 나\n참조: 너\n제목: RE: 문의\n\n이전",
        "보낸 사람: 지원\n\n날짜: 2026년\n\n받는 사람: 나\n\n제목: RE\n\n이전",
        "On Mon, Mar 2, 2026 at 10:12 AM Support <s@example.com> wrote:\n\n> old",
        "On Mon, Mar 2, 2026 at 10:12 AM Support Team\n<s@example.com>\nwrote:\n\nold",
        "On 2 Mar 2026, at 10:12, Support <s@example.com> wrote:\n\nold",
        "-----Original Message-----\nFrom: Support\nSent: Monday\nTo: Me\nSubject: RE: x\n\nold",
        "From: Support <s@example.com>\nSent: Monday, March 2, 2026\nTo: Me\nSubject: RE: x\n\nold",
        "*From:* Support <s@example.com>\n*Date:* Monday\n*To:* Me\n*Subject:* RE: x\n\nold",
        "##- 이 줄 위에 회신을 입력하십시오. -##\n\n이전",
        "> quoted\n> more",
    ],
)
def test_history_goes(history: str) -> None:
    assert strip_quoted(f"{OWN}\n\n{history}") == OWN


@pytest.mark.parametrize(
    "footer",
    [
        "Sent from my iPhone",
        "나의 iPhone에서 보냄",
        "내 Galaxy에서 보냄",
        "Get Outlook for iOS",
        "Android용 Outlook 다운로드",
        "-- \nHong Gildong\nAcme Inc.",
        "Best regards,\nJohn Smith\nAcme Inc.\n+1 555 123 4567",
        "Kind regards,\nJane",
        "This email and any attachments are confidential and intended solely for the addressee.\nDelete it.",
        "CONFIDENTIALITY NOTICE: the contents are private.",
        "본 메일은 지정된 수신인만을 위한 것이며 기밀 정보를 포함할 수 있습니다.\n무단 전재를 금합니다.",
        "홍길동 드림",
    ],
)
def test_footers_go(footer: str) -> None:
    assert strip_quoted(f"{OWN}\n\n{footer}") == OWN


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (f"{OWN}\n감사합니다.\n홍길동 드림", f"{OWN}\n감사합니다."),
        (f"{OWN}\n\n감사합니다.\n\n주식회사 에이스\n고객지원팀 홍길동 대리\nTel. 02-123-4567", f"{OWN}\n\n감사합니다."),
        ("It works.\n\nThanks,\nJohn", "It works.\n\nThanks,"),
    ],
)
def test_thanks_stay_and_names_go(text: str, own: str) -> None:
    assert strip_quoted(text) == own


@pytest.mark.parametrize(
    "text",
    [
        "질문입니다\n감사합니다.\n추가로 결제도 안됩니다",
        "질문입니다\n감사합니다.\n\n1. 로그인\n2. 결제",
        "설정에서\n> 설정 > 계정\n을 눌렀는데 안됩니다",
        "오류:\n제목: 문의\n내용입니다",
        "The docs he wrote:\nare wrong",
        "감사합니다.",
        "Sent from my iPhone",
        "> all\n> quoted",
        "On the page:\nnothing happens",
        "비밀번호를 잊었습니다",
        "이 메일이 안 옵니다",
    ],
)
def test_own_words_stay(text: str) -> None:
    assert strip_quoted(text) == text


def test_answers_below_and_between_quotes_stay() -> None:
    text = "On Mon, Mar 2, 2026 at 10:12 AM X <x@y.z> wrote:\n> 언제부터인가요?\n어제부터요.\n> 어떤 기기인가요?\n갤럭시입니다."
    assert strip_quoted(text) == "어제부터요.\n\n갤럭시입니다."


def test_forwarded_mail_stays_unless_told() -> None:
    text = "확인 부탁드립니다\n\n---------- Forwarded message ---------\nFrom: X <x@y.z>\nDate: Mon\nSubject: 오류\nTo: a@b.c\n\n안됩니다"
    assert strip_quoted(text).endswith("안됩니다")
    assert strip_quoted(text, keep_forwarded=False) == "확인 부탁드립니다"


@pytest.mark.parametrize(
    "unit",
    [
        "On ",
        "On 1\n",
        "From: x\n",
        "From:\nTo:\n",
        ">",
        "> \n",
        "2026년 3월\n",
        "-",
        "--\n",
        "감사합니다.\n",
        "a@",
        "<a@",
        "This email ",
        "이 메일 ",
        "\n",
        "sent from my ",
    ],
)
def test_hostile_messages_take_linear_time(unit: str) -> None:
    strip_quoted("own\n" + unit * (100_000 // len(unit)))


LINES = [
    "> q",
    "own",
    "-- ",
    "감사합니다.",
    "홍길동 드림",
    "From: a",
    "To: b",
    "Subject: c",
    "Sent: d",
    "",
    "On 1 wrote:",
    "Sent from my iPhone",
]
LINES += ["2026년 3월 2일, 홍 <a@b.c>님이 작성:", "-----Original Message-----", "Best regards,", "010-1234-5678"]
MESSAGES = st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=10)), max_size=25).map("\n".join)


@given(MESSAGES)
def test_never_fails_never_grows_never_empties(text: str) -> None:
    own = strip_quoted(text)
    assert len(own) <= len(text)
    assert bool(own) == bool(text.strip())
