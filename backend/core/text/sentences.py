"""Cut Korean and English text into sentences."""

import re
from typing import Final

# Where a sentence may end: a mark and white space; a Korean ending glued to the next word; a formal ending without any mark.
_END: Final = re.compile(
    r"[.!?。？！…]{1,9}[\"'”’)\]]{0,3}[ㅠㅜㅎㅋ~^]{0,9}\s+"
    r"|(?<=[다요까죠네음함])[.!?]{1,9}(?=[가-힣A-Z])"
    r"|(?<=니다)\s+(?!라고|라는|하고|만\b|고\b)(?=[가-힣A-Z\"'(\[])"
    r"|(?<=[다요죠])[ㅠㅜㅎㅋ~^]{1,9}\s+"
)
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|e\.g|i\.e|approx|dept|fig|no|nos|vol|ver|inc|ltd|co|corp|a\.m|p\.m|u\.s|"
    r"jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|cf|al|[a-z])\.$",
    re.IGNORECASE,
)
_NUMBERING: Final = re.compile(r"^\s*(?:\(?\d{1,3}|[a-zA-Z가-힣])[.)]\s*$")
_BREAK_AFTER_NUMBER: Final = re.compile(r"\d\.\s+$")
_LOOK_BACK: Final = 12


def split_sentences(text: str) -> list[str]:
    """The sentences in order, without white space around them; a line break always ends one."""
    sentences: list[str] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped:
            _split_line(stripped, sentences)
    return sentences


def _split_line(line: str, into: list[str]) -> None:
    start = 0
    for match in _END.finditer(line):
        end = match.end()
        if _continues(line, start, match):
            continue
        sentence = line[start:end].strip()
        if sentence:
            into.append(sentence)
        start = end
    rest = line[start:].strip()
    if rest:
        into.append(rest)


def _continues(line: str, start: int, match: re.Match[str]) -> bool:
    """Whether the mark is no end: an abbreviation, the number of a list item, a version or an ellipsis within a sentence."""
    mark = match.group().strip()
    if not mark.startswith("."):
        return mark.startswith("…") and line[match.end() : match.end() + 1].islower()
    stop = match.start() + 1
    before = line[max(start, stop - _LOOK_BACK) : stop]
    if stop - start <= _LOOK_BACK and _NUMBERING.match(line[start:stop]):
        return True
    following = line[match.end() : match.end() + 1]
    if mark == "." and _ABBREVIATION.search(before):
        # "at 5 p.m. The" ends a sentence, "e.g. the" and "No. 5" do not; titles are always followed by a name.
        return not (before.lower().endswith((".m.", "etc.", "inc.", "ltd.", "corp.")) and following.isupper())
    if _BREAK_AFTER_NUMBER.search(line[max(start, stop - 3) : match.end()]):
        return following.isdigit()
    return following.islower()
