"""Polite speech in another register, as far as closed lists of endings go: what isn't in a list stays as it was written."""

import re
from collections.abc import Callable, Mapping
from typing import Final

_END: Final = r"(?=[.!~)\]\s]|\s*\[\d|$)"
# Longer endings come first: 하세요 is also 세요.
_TO_FORMAL_KO: Final = (
    (r"안녕하세요", "안녕하십니까"),
    (r"(?<=[가-힣])세요\?", "십니까?"),
    (rf"(?<=[가-힣])세요{_END}", "십시오"),
    (rf"해요{_END}", "합니다"),
    (rf"[돼되]어?요{_END}", "됩니다"),
    (rf"(?:이에요|예요){_END}", "입니다"),
    (rf"([있없했됐았었])어요{_END}", r"\1습니다"),
    (rf"([있없])네요{_END}", r"\1습니다"),
    (rf"을게요{_END}", "겠습니다"),
    (rf"드릴게요{_END}", "드리겠습니다"),
    (rf"할게요{_END}", "하겠습니다"),
    (rf"([았었했됐])죠{_END}", r"\1습니다"),
)
_TO_FRIENDLY_KO: Final = (
    (r"안녕하십니까", "안녕하세요"),
    (r"(?<=[가-힣])십니까\?", "세요?"),
    (rf"(?<=[가-힣])십시오{_END}", "세요"),
    (rf"주시기 바랍니다{_END}", "주세요"),
    (rf"시기 바랍니다{_END}", "세요"),
)
_CONTRACTIONS: Final = (
    ("can't", "cannot"),
    ("won't", "will not"),
    ("don't", "do not"),
    ("doesn't", "does not"),
    ("didn't", "did not"),
    ("isn't", "is not"),
    ("aren't", "are not"),
    ("couldn't", "could not"),
    ("wouldn't", "would not"),
    ("shouldn't", "should not"),
    ("haven't", "have not"),
    ("hasn't", "has not"),
    ("I'm", "I am"),
    ("I'll", "I will"),
    ("I've", "I have"),
    ("we're", "we are"),
    ("we'll", "we will"),
    ("we've", "we have"),
    ("you're", "you are"),
    ("you'll", "you will"),
    ("you've", "you have"),
    ("it'll", "it will"),
    ("that's", "that is"),
)
_OPENING: Final = re.compile(r"\A(?:Hi|Hello|Hey)(?: there)?(?= |,|!)", re.IGNORECASE)
_TO_FORMAL_EN: Final = ((r"\bThanks\b", "Thank you"), (r"\bCheers,", "Yours sincerely,"), (r"!+", "."))
_TO_FRIENDLY_EN: Final = (
    (r"\ADear (?:Customer|Sir or Madam)\b", "Hi there"),
    (r"\ADear ", "Hi "),
    (r"\bYours (?:sincerely|faithfully),", "Best regards,"),
)


def in_register(text: str, tone: str, language: str) -> str:
    """`text` in the register of `tone`; Korean and English only."""
    change = _CHANGES.get((language.split("-", 1)[0], tone))
    return change(text) if change is not None else text


def _formal_english(text: str) -> str:
    text = text.replace("’", "'")
    for short, whole in _CONTRACTIONS:
        text = re.sub(rf"\b{short}\b", whole, text)
        text = re.sub(rf"\b{_capital(short)}\b", _capital(whole), text)
    greeted = _OPENING.match(text)
    if greeted is not None:
        named = text[greeted.end() :].startswith(" ")
        text = ("Dear" if named else "Dear Customer") + text[greeted.end() :].replace("!", ",", 1 if _exclaims(text) else 0)
    return _replaced(text, _TO_FORMAL_EN)


def _friendly_english(text: str) -> str:
    text = _replaced(text, _TO_FRIENDLY_EN)
    # Only negations: "as we are" has no short form.
    for short, whole in (pair for pair in _CONTRACTIONS if pair[0].endswith("n't")):
        text = re.sub(rf"\b{whole}\b", short, text)
        text = re.sub(rf"\b{_capital(whole)}\b", _capital(short), text)
    return text


def _exclaims(text: str) -> bool:
    return text.split("\n", 1)[0].rstrip().endswith("!")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _replaced(text: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


_CHANGES: Final[Mapping[tuple[str, str], Callable[[str], str]]] = {
    ("ko", "formal"): lambda text: _replaced(text, _TO_FORMAL_KO),
    ("ko", "friendly"): lambda text: _replaced(text, _TO_FRIENDLY_KO),
    ("en", "formal"): _formal_english,
    ("en", "friendly"): _friendly_english,
}
