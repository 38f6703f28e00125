"""Extractive summaries of Korean and English tickets."""

import pytest

from backend.adapters.offline.summarize import sentences_of, summarize
from backend.core.model.article import Visibility
from backend.core.model.document import Part, Summary
from backend.core.model.ticket import Role
from backend.core.text.redactor import Redactor

C, A, S = Role.CUSTOMER, Role.AGENT, Role.SYSTEM


def summary(title: str, *turns: tuple[Role, str], authors: dict[Role, str] | None = None) -> Summary:
    parts = [
        Part(
            kind="reply" if number else "description",
            text=text,
            visibility=Visibility.CONVERSATION,
            role=role,
            author=(authors or {}).get(role, ""),
        )
        for number, (role, text) in enumerate(turns)
    ]
    # As it is kept: the ingest makes every Summary neutral.
    return Redactor(parts).summary(summarize(title, parts))


KOREAN = (
    (
        C,
        "안녕하세요. 한빛상사 김민수입니다.\n"
        "어제부터 VPN에 접속하면 'ERR-4012 인증 실패' 오류가 발생합니다. 재부팅도 해 봤지만 동일합니다.\n"
        "연락처는 010-1234-5678, minsu@hanbit.co.kr 입니다.\n확인 부탁드립니다. 감사합니다.",
    ),
    (A, "안녕하세요, 김민수 고객님. 사용 중인 클라이언트 버전을 알려 주시겠어요?"),
    (C, "5.2 버전입니다."),
    (
        A,
        "안녕하세요, 김민수 고객님. 데스크로어 지원팀입니다.\n"
        "확인 결과 비밀번호 변경 후 이전 자격 증명이 남아 있는 것이 원인입니다.\n아래 순서대로 진행해 주세요.\n"
        "1. VPN 클라이언트를 종료합니다.\n2. 제어판 > 자격 증명 관리자에서 저장된 항목을 삭제합니다.\n3. 새 비밀번호로 로그인해 주세요.\n"
        "추가로 궁금하신 점이 있으시면 언제든지 문의해 주세요. 감사합니다.",
    ),
    (C, "말씀하신 대로 하니 잘 됩니다. 감사합니다!"),
)
ENGLISH = (
    (
        C,
        "Hi team,\n\nOur invoices for October show the wrong VAT rate (19% instead of 7%). We noticed it this morning.\n\nThanks,\nJane",
    ),
    (
        A,
        "Hello Jane,\nThanks for reaching out. The wrong rate was used because your tax profile was reset during the migration.\n"
        'Please go to Settings > Billing > Tax profile and select "Reduced rate". Then regenerate the invoices.\nBest regards,\nTom',
    ),
    (C, "That worked, the invoices are correct now. Thank you so much!"),
)


def test_a_korean_ticket() -> None:
    made = summary("VPN 접속 시 ERR-4012 인증 실패", *KOREAN, authors={C: "김민수"})
    assert made.problem.startswith("어제부터 VPN에 접속하면 'ERR-4012 인증 실패' 오류가 발생합니다.")
    assert made.cause == "확인 결과 비밀번호 변경 후 이전 자격 증명이 남아 있는 것이 원인입니다."
    assert made.solution.splitlines() == [
        "1. VPN 클라이언트를 종료합니다.",
        "2. 제어판 > 자격 증명 관리자에서 저장된 항목을 삭제합니다.",
        "3. 새 비밀번호로 로그인해 주세요.",
    ]
    assert made.result == "말씀하신 대로 하니 잘 됩니다."
    assert (made.resolved, made.sentiment, made.language) == (True, "positive", "ko")
    assert made.tags == ("VPN", "접속", "ERR-4012", "인증")


def test_an_english_ticket() -> None:
    made = summary("[Billing] Wrong VAT rate on invoices", *ENGLISH)
    assert made.problem == "Our invoices for October show the wrong VAT rate (19% instead of 7%). We noticed it this morning."
    assert made.cause == "The wrong rate was used because your tax profile was reset during the migration."
    assert made.solution.startswith("Please go to Settings > Billing > Tax profile")
    assert made.result == "That worked, the invoices are correct now."
    assert (made.resolved, made.sentiment, made.language, made.product_area) == (True, "positive", "en", "Billing")


def test_names_and_addresses_are_taken_out() -> None:
    made = summary(
        "계정",
        (C, "김민수입니다만 계정이 잠겨 로그인이 안 됩니다. 제 메일은 minsu@hanbit.co.kr 이고 번호는 010-1234-5678 입니다."),
        (A, "김민수 고객님의 계정 잠금을 해제했습니다."),
        authors={C: "김민수", A: "박지원"},
    )
    whole = repr(made)
    for private in ("김민수", "minsu@", "1234-5678", "박지원"):
        assert private not in whole
    assert made.solution == "고객 고객님의 계정 잠금을 해제했습니다."


@pytest.mark.parametrize(("first", "second", "told"), [(C, A, "고객"), (A, C, "담당자")])
def test_a_name_that_two_people_have_is_that_of_the_first_whatever_the_process(first: Role, second: Role, told: str) -> None:
    names = {first: "김민수", second: "김민수"}
    made = summary("정산", (first, "김민수 앞으로 정산이 누락되었습니다."), (second, "다시 처리하여 반영 완료했습니다."), authors=names)
    assert made.problem == f"{told} 앞으로 정산이 누락되었습니다."


def test_an_open_ticket_is_not_resolved() -> None:
    made = summary(
        "프린터가 인쇄되지 않습니다",
        (C, "프린터가 인쇄가 안 돼요ㅠㅠ 급합니다"),
        (A, "프린터 전원을 껐다 켜 보시겠어요? 드라이버도 재설치해 주세요."),
        (C, "해 봤는데 여전히 안 됩니다. 답답하네요."),
    )
    assert (made.resolved, made.result, made.sentiment) == (False, "", "negative")
    assert "재설치해 주세요" in made.solution


def test_a_relapse_after_a_confirmation_reopens_it() -> None:
    again = (*KOREAN, (C, "오늘 다시 접속했는데 또 오류가 나고 접속이 안 됩니다."))
    assert not summary("VPN", *again).resolved
    assert summary("VPN", *KOREAN).resolved


def test_the_agents_closing_counts_where_the_customer_says_nothing() -> None:
    made = summary("Login loop", (C, "I can't log in, the page reloads."), (A, "We have reset your session. The issue is resolved now."))
    assert (made.resolved, made.result) == (True, "The issue is resolved now.")
    conditional = summary("Login loop", (C, "I can't log in."), (A, "Please clear the cache. If the issue is not resolved, reply here."))
    assert (conditional.resolved, conditional.result) == (False, "")


def test_nothing_is_made_up_where_the_ticket_does_not_tell() -> None:
    made = summary("견적 문의", (C, "안녕하세요. 50명 요금제 견적을 받고 싶습니다."))
    assert (made.problem, made.cause, made.solution, made.result) == ("50명 요금제 견적을 받고 싶습니다.", "", "", "")
    empty = summary("제목만 있는 티켓", (C, "안녕하세요. 감사합니다."))
    assert (empty.problem, empty.language) == ("제목만 있는 티켓", "ko")
    assert summarize("", []).problem == ""


def test_a_call_noted_down_by_an_agent_has_its_first_turn_as_the_problem() -> None:
    made = summary("전화 접수", (A, "고객이 정산 내역이 누락되었다고 전화로 문의함."), (A, "누락된 정산을 재처리하여 반영 완료했습니다."))
    assert "정산 내역이 누락" in made.problem
    assert made.solution == "누락된 정산을 재처리하여 반영 완료했습니다."


def test_system_turns_and_attachments_are_not_the_problem() -> None:
    parts = [
        Part(kind="system", text="티켓이 생성되었습니다.", visibility=Visibility.CONVERSATION, role=S),
        Part(kind="description", text="앱이 자꾸 종료됩니다.", visibility=Visibility.CONVERSATION, role=C),
        Part(kind="attachment", text="원인: 메모리", visibility=Visibility.CONVERSATION, heading="log.txt"),
    ]
    made = summarize("앱 종료", parts)
    assert (made.problem, made.cause) == ("앱이 자꾸 종료됩니다.", "")


@pytest.mark.parametrize(
    "courtesy",
    [
        "안녕하세요.",
        "안녕하십니까, 고객님!",
        "수고하세요~",
        "감사합니다.",
        "문의 주셔서 감사합니다.",
        "Hi team,",
        "Dear Support,",
        "Thanks!",
        "Best regards,",
        "Please let us know if you have any questions.",
        "추가로 궁금하신 점이 있으시면 언제든지 문의해 주세요.",
        "데스크로어 지원팀 박지원입니다.",
        "불편을 드려 죄송합니다.",
        "Hello",
        "I hope you are doing well.",
        "김민수 드림",
    ],
)
def test_courtesies_say_nothing(courtesy: str) -> None:
    assert sentences_of(courtesy) == ()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("안녕하세요, VPN이 안 됩니다.", "VPN이 안 됩니다."),
        ("Hi, the export fails with error 500.", "the export fails with error 500."),
        ("Thanks, it works now.", "Thanks, it works now."),
        ("네, 재시작했습니다.", "재시작했습니다."),
    ],
)
def test_what_is_said_beside_a_courtesy_is_kept(said: str, kept: str) -> None:
    assert [sentence.text for sentence in sentences_of(said)] == [kept]
