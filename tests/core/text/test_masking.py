"""Placeholders: the same for the same value, never somebody else's, and back again whole or in pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.model.article import Visibility
from backend.core.model.document import Part, Summary
from backend.core.model.personal import Kind
from backend.core.model.ticket import Role
from backend.core.text.masking import MASKING_VERSION, Mask, blur, redact, values_of, version_of
from backend.core.text.redactor import Redactor

TEXT = "김민수 010-1234-5678, minsu@hanbit.co.kr. 다시 010-1234-5678로 또는 02-123-4567로 연락 주세요."
MASKED = "김민수 [PHONE_1], [EMAIL_1]. 다시 [PHONE_1]로 또는 [PHONE_2]로 연락 주세요."
PIECES = (
    "010-1234-5678",
    "minsu@hanbit.co.kr",
    "[EMAIL_1]",
    "[PHONE_1]",
    "【EMAIL_2】",
    "[email 1]",
    "EMAIL_1",
    "\\",
    "계좌 110-123-456789",
    "[",
    "]",
    "_1",
    "김민수",
    " 로 ",
    "\n",
    "ERR-4012",
    "７",
)


def test_the_same_value_has_the_same_placeholder() -> None:
    mask = Mask([TEXT, "번호: 02-123-4567"])
    assert mask.texts == [MASKED, "번호: [PHONE_2]"]
    assert mask.restore(MASKED) == TEXT
    assert bool(mask)
    assert not Mask(["ERR-4012 오류"])


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=12), st.sets(st.sampled_from(["김민수", "Jane Miller"])))
def test_what_is_masked_comes_back_as_it_was(pieces: list[str], names: set[str]) -> None:
    text = "".join(pieces)
    mask = Mask([text], names)
    assert mask.restore(mask.texts[0]) == text


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=8), st.integers(min_value=1, max_value=9))
def test_a_stream_comes_back_as_it_was(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    mask = Mask([text])
    restorer = mask.restorer()
    masked = mask.texts[0]
    got = [restorer.feed(masked[start : start + size]) for start in range(0, len(masked), size)]
    assert "".join([*got, restorer.finish()]) == text


def test_a_stream_split_at_every_place() -> None:
    mask = Mask([TEXT])
    for cut in range(len(MASKED) + 1):
        restorer = mask.restorer()
        first = restorer.feed(MASKED[:cut])
        assert "[" not in first
        assert first + restorer.feed(MASKED[cut:]) + restorer.finish() == TEXT
    restorer = mask.restorer()
    assert "".join([*map(restorer.feed, MASKED), restorer.finish()]) == TEXT


def test_a_stream_waits_for_placeholders_only() -> None:
    restorer = Mask([TEXT]).restorer()
    assert restorer.feed("1단계 [1") == "1단계 [1"
    assert restorer.feed("], [x") == "], [x"
    assert restorer.feed(" [PHO") == " "
    assert restorer.finish() == "[PHO"


def test_who_writes_a_placeholder_gets_nobodys_value() -> None:
    mask = Mask(["[EMAIL_1] 【EMAIL_2】 minsu@hanbit.co.kr"])
    assert mask.texts == ["[EMAIL_1] 【EMAIL_2】 [EMAIL_3]"]
    assert mask.restore("[EMAIL_1] [EMAIL_2] [EMAIL_3]") == "[EMAIL_1] [EMAIL_2] minsu@hanbit.co.kr"


CHANGED = (
    *(
        "[EMAIL_1]",
        "【EMAIL_1】",
        r"[EMAIL\_1]",
        "[email_1]",
        "EMAIL_1",
        "[EMAIL 1]",
        "[Email-1]",
        "[EMAIL1]",
        "［EMAIL_1］",
        "[ EMAIL_1 ]",
    ),
    *(r"EMAIL\_1", "[EMAIL_01]"),
)


@pytest.mark.parametrize("said", CHANGED)
def test_a_model_may_write_it_a_little_differently(said: str) -> None:
    mask = Mask(["minsu@hanbit.co.kr"])
    assert mask.restore(f"메일: {said}로") == "메일: minsu@hanbit.co.kr로"
    for cut in range(len(said) + 1):
        restorer = mask.restorer()
        assert restorer.feed(f"메일: {said[:cut]}") + restorer.feed(f"{said[cut:]}로") + restorer.finish() == "메일: minsu@hanbit.co.kr로"


@pytest.mark.parametrize(
    "said",
    ["MY_EMAIL_1", "EMAIL_1_OLD", "EMAIL_12", "email_1", "email 1", "EMAIL 1", "[EMAIL_2]", "[MAIL_1]", "[PHONE_1]", "[1]"],
)
def test_what_was_not_masked_is_not_restored(said: str) -> None:
    mask = Mask(["minsu@hanbit.co.kr"])
    assert mask.restore(f"필드 {said} 값") == f"필드 {said} 값"
    for cut in range(len(said) + 1):
        restorer = mask.restorer()
        assert restorer.feed(f"필드 {said[:cut]}") + restorer.feed(f"{said[cut:]} 값") + restorer.finish() == f"필드 {said} 값"


@pytest.mark.parametrize("typed", [*CHANGED, "email 1", "Email_1st", "EMAIL_1김"])
def test_who_typed_it_in_any_spelling_gets_nobodys_value(typed: str) -> None:
    mask = Mask([f"{typed} minsu@hanbit.co.kr"])
    assert mask.texts == [f"{typed} [EMAIL_2]"]
    assert all("minsu" not in mask.restore(said) for said in CHANGED)


SAID = (*CHANGED, "[", "]", "EMA", "PHONE", "_", "1", " ", "[PHONE_1]", "phone_1", "PHONE_1", "\\", "가", "MY_", "x", "[Phone")


@given(st.lists(st.sampled_from(SAID), max_size=10), st.integers(min_value=1, max_value=12))
def test_whatever_a_model_says_comes_the_same_whole_and_streamed(said: list[str], size: int) -> None:
    mask = Mask(["minsu@hanbit.co.kr 010-1234-5678"])
    text = "".join(said)
    restorer = mask.restorer()
    got = [restorer.feed(text[start : start + size]) for start in range(0, len(text), size)]
    assert "".join([*got, restorer.finish()]) == mask.restore(text)


def test_only_chosen_kinds_are_masked() -> None:
    mask = Mask([TEXT], ["김민수"], kinds={Kind.EMAIL})
    assert mask.texts == [TEXT.replace("minsu@hanbit.co.kr", "[EMAIL_1]")]
    assert blur(TEXT, {Kind.EMAIL}) == TEXT.replace("minsu@hanbit.co.kr", "[EMAIL]")
    assert version_of({Kind.RESIDENT, Kind.EMAIL}) == f"{MASKING_VERSION}-EMAIL-RRN"
    assert version_of(list(Kind)) == MASKING_VERSION


def test_known_names_are_masked_unless_they_may_be_plain_words() -> None:
    mask = Mask(["김민수님, Jane Miller 담당입니다. 이솔 Al minsu@hanbit.co.kr"], ["김민수", "Jane Miller", "이솔", "Al", "", "minsu"])
    assert mask.texts == ["[PERSON_1]님, [PERSON_2] 담당입니다. 이솔 Al [EMAIL_1]"]
    assert Mask(["Supported by Support"], ["Support"]).texts == ["Supported by [PERSON_1]"]


def test_a_value_in_json_stays_json() -> None:
    mask = Mask(['Jane "JJ" Miller'], ['Jane "JJ" Miller'])
    assert json.loads(mask.restore('{"problem": "[PERSON_1]"}', in_json=True)) == {"problem": 'Jane "JJ" Miller'}


def test_a_blurred_text_does_not_depend_on_what_else_is_in_it() -> None:
    assert blur("010-1234-5678") == "[PHONE]"
    assert blur("02-123-4567 / 010-1234-5678") == "[PHONE] / [PHONE]"


def test_values_that_are_known_may_stay_in_any_spelling() -> None:
    keep = values_of(["우리 번호는 010 1234 5678"])
    assert redact("010-1234-5678, 010-9999-8888", keep=keep) == "010-1234-5678, ***-****"


def test_a_summary_names_nobody() -> None:
    parts = [
        Part(kind="reply", text="", visibility=Visibility.CONVERSATION, role=Role.CUSTOMER, author="김민수"),
        Part(kind="reply", text="", visibility=Visibility.CONVERSATION, role=Role.AGENT, author="Tom Baker"),
    ]
    made = Redactor(parts).summary(
        Summary(problem="김민수 010-1234-5678로 연락", solution="Tom Baker fixed it, tom@x.example", tags=("010-1234-5678", "VPN"))
    )
    assert made == Summary(problem="고객 ***-****로 연락", solution="the agent fixed it, ***@***", tags=("***-****", "VPN"))


def test_a_number_that_lost_its_label_is_still_known() -> None:
    mask = Mask(["주민등록번호 9001011234567 입니다", "그 9001011234567 말인가요?"])
    assert mask.texts == ["주민등록번호 [RRN_1] 입니다", "그 [RRN_1] 말인가요?"]
    parts = [Part(kind="reply", text="계좌 110-123-456789", visibility=Visibility.CONVERSATION, role=Role.CUSTOMER)]
    made = Redactor(parts).summary(Summary(problem="110-123-456789로 환불", tags=("110-123-456789",)))
    assert made == Summary(problem="***-***-******로 환불", tags=("***-***-******",))
