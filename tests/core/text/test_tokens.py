"""Terms of Korean, English, codes and everything mixed."""

import unicodedata

import pytest

from backend.core.text.tokens import BigramTokenizer, Tokenizer, make_tokenizer
from backend.core.text.words import stem

BIGRAM = BigramTokenizer()


def terms(text: str) -> list[str]:
    return BIGRAM.terms(text)


def test_particles_and_endings_do_not_stand_between_a_question_and_a_ticket() -> None:
    assert terms("로그인 오류") == ["로그", "그인", "오류"]
    assert terms("로그인에서 오류가 발생했습니다") == ["로그", "그인", "인에", "오류", "류가", "발생", "생했"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("비밀번호 재설정", "비밀번호를 재설정하고 싶어요"),
        ("결제 취소", "결제가 취소되었습니다"),
        ("배송지 변경", "배송지를 변경하려면 어떻게 해야 하나요"),
        ("영수증 발급", "영수증은 어디서 발급하나요"),
        ("앱 종료", "앱에서 종료됩니다"),
        ("앱", "앱이 자꾸 꺼져요"),
        ("알림", "알림으로부터"),
        ("관리자 페이지", "관리자 페이지에서는"),
    ],
)
def test_a_short_question_is_contained_in_the_sentence(first: str, second: str) -> None:
    assert set(terms(first)) <= set(terms(second))


def test_courtesy_and_stop_words_say_nothing() -> None:
    assert terms("안녕하세요, 문의드립니다. 감사합니다!") == []
    assert terms("How can I do this, please?") == []
    assert terms("에서 하는 습니다") == []
    assert terms("") == terms("!?… ㅋㅋㅋ ㅠㅠ 😀") == []


def test_codes_are_found_whole_and_in_parts() -> None:
    assert terms("ERR-4012") == ["err-4012", "err", "4012"]
    assert terms("order_id") == ["order_id", "order", "id"]
    assert "v2.3.1" in terms("앱 v2.3.1에서")
    assert {"kim@acme.co.kr", "kim", "acm"} <= set(terms("메일은 kim@acme.co.kr입니다"))
    assert {"help.acme.com", "articl", "42"} <= set(terms("https://help.acme.com/articles/42?x=1"))
    assert terms("1,234,000원") == ["1234000", "원"]
    assert terms("customer's orders") == ["customer", "order"]


def test_scripts_meet_without_spaces() -> None:
    assert terms("API키") == ["api", "키"]
    assert terms("2FA인증을") == ["2fa", "인증", "증을"]
    assert terms("東京タワー") == ["東京", "京タ", "タワ", "ワー"]


def test_forms_of_writing_are_one() -> None:
    assert terms(unicodedata.normalize("NFD", "로그인 오류")) == terms("로그인 오류")
    assert terms("ＬＯＧＩＮ") == terms("Login") == ["login"]


@pytest.mark.parametrize(
    "family",
    [
        ("charge", "charges", "charged", "charging"),
        ("cancel", "cancels", "cancelled", "canceling", "cancellation"),
        ("reply", "replies", "replied"),
        ("pay", "pays", "payment", "payments"),
        ("install", "installed", "installing"),
        ("connect", "connected", "connection"),
        ("invoice", "invoices", "invoiced"),
    ],
)
def test_english_forms_of_a_word_meet(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1


def test_short_words_and_codes_keep_their_form() -> None:
    assert [stem(word) for word in ("sms", "ios", "bus", "status", "4012", "v2")] == ["sms", "ios", "bus", "status", "4012", "v2"]


def test_words_keep_their_terms_together() -> None:
    assert BIGRAM.words("로그인에서 ERR-1 오류") == [
        ("로그인에서", ("로그", "그인", "인에")),
        ("err-1", ("err-1", "err")),
        ("오류", ("오류",)),
    ]


def test_tokenizers_have_names() -> None:
    assert make_tokenizer("bigram").id == "bigram-1"
    with pytest.raises(ValueError, match="bigram"):
        make_tokenizer("mecab")


@pytest.fixture(scope="module")
def kiwi() -> Tokenizer:
    pytest.importorskip("kiwipiepy")
    return make_tokenizer("kiwi")


def test_kiwi_cuts_morphemes(kiwi: Tokenizer) -> None:
    assert kiwi.id == "kiwi-1"
    found = kiwi.terms("로그인에서 오류가 발생했습니다. ERR-4012 charged")
    assert {"로그인", "오류", "발생", "err-4012", "charg"} <= set(found)
    assert not {"에서", "가", "습니다"} & set(found)
    assert kiwi.words("주문을 취소했어요") == [("주문", ("주문",)), ("취소", ("취소",))]
