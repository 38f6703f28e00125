"""Problem, Cause, Solution and Result in the ticket's own sentences, chosen by who says them and how.

Names and numbers are still in them: `core/ingest/summarize.py` makes every Summary neutral, whoever wrote it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from backend.adapters.offline.cues import (
    ANGER,
    GREETING,
    INTENDING,
    INTRODUCTION,
    LEAD_INS,
    LIST_ITEM,
    STRONG_CAUSES,
    SYMPTOMS,
    THANKS,
    WEAK_CAUSES,
    has,
    is_courtesy,
    is_done,
    is_failure,
    is_instruction,
    is_question,
    is_success,
)
from backend.core.model.document import Part, Summary
from backend.core.model.ticket import Role
from backend.core.text.language import detect_language
from backend.core.text.sentences import split_sentences

_TURN_CHARS: Final = 6_000
_SENTENCE_CHARS: Final = 400
_PROBLEM_SENTENCES: Final = 3
_CAUSE_SENTENCES: Final = 2
_SOLUTION_SENTENCES: Final = 10
_RESULT_SENTENCES: Final = 2
_TAGS: Final = 5
_SIGNATURE_LINES: Final = 4
_SIGNATURE_CHARS: Final = 45
_VERB_ENDS: Final = ("니다", "해요", "돼요", "어요", "아요", "네요", "나요", "대요", "데요", "여요", "까요", "세요", "않음", "안됨")
_STOP_WORDS: Final = """문의 요청 관련 긴급 확인 방법 오류 에러 문제 불가 실패 안됨 질문 건 안내 발생 가능 여부 어떻게 합니다 됩니다
안됩니다 드립니다 the and for not with from error issue problem question help request urgent about when after how can cannot does doesn't is
are my our your to in on of a an re fw fwd"""
_STOP_TAGS: Final = frozenset(_STOP_WORDS.split())
_TITLE_WORD = re.compile(r"[A-Za-z][A-Za-z0-9.+#-]*[A-Za-z0-9]|[가-힣]{2,}")
_PARTICLE: Final = re.compile(r"(?<=[가-힣]{2})(?:에서는|에서|으로|에게|까지|부터|[은는이가을를의에도로와과])$")
_AREA = re.compile(r"\s*\[([^\]\n]{2,30})\]")


class Sentence(NamedTuple):
    """A sentence that says something: greetings, thanks and introductions are gone."""

    text: str
    low: str
    item: bool
    """An item of a list."""


class Turn(NamedTuple):
    """One turn of a ticket."""

    role: Role | None
    sentences: tuple[Sentence, ...]
    steps: tuple[Sentence, ...]
    """Those of an agent's sentences that tell what to do or what was done."""
    raw: str
    """All of it in lower case, with the courtesies: thanks and anger show there."""


def summarize(title: str, parts: Sequence[Part]) -> Summary:
    """The Summary of a ticket from these parts; what it does not tell stays empty."""
    turns = [_turn(part) for part in parts if part.kind != "attachment"]
    problem = _problem(title, turns)
    end = _confirmation(turns)
    agents = [turn for turn in turns[: end[0] if end else None] if turn.role is Role.AGENT]
    if turns and turns[0].role is Role.AGENT and not any(turn.role is Role.CUSTOMER for turn in turns):
        # A ticket that an agent wrote down for a caller: the first turn is the problem.
        agents = agents[1:]
    cause = _cause(agents)
    solution = _solution(agents, cause, settled=end is not None)
    result = end[1] if end else _closing(agents)
    resolved = bool(result) and not _complains_after(turns, end[0] if end else None)
    return Summary(
        problem=_joined(problem) or title,
        cause=_joined(cause),
        solution=_joined(solution),
        result=_joined(result),
        language=detect_language(_joined(problem) or title) or detect_language(title),
        product_area=area[1].strip() if (area := _AREA.match(title)) else "",
        tags=_tags(title),
        resolved=resolved,
        sentiment=_sentiment(turns),
    )


def sentences_of(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text that say something."""
    found: list[Sentence] = []
    sentences = split_sentences(text[:_TURN_CHARS])
    for position, raw in enumerate(sentences):
        greeting = GREETING.match(raw)
        sentence = raw[greeting.end() :] if greeting else raw
        low = sentence.lower()
        if is_courtesy(low) or (len(sentence) < 60 and INTRODUCTION.fullmatch(sentence)):
            if low.endswith(",") and _is_signature(sentences[position + 1 :]):
                break
            continue
        found.append(Sentence(sentence[:_SENTENCE_CHARS], low, LIST_ITEM.match(sentence) is not None))
    if len(found) > 1 and _is_name(found[0]):
        del found[0]
    return tuple(found)


def _is_name(sentence: Sentence) -> bool:
    """Whether a short first sentence only says who writes: `달콤과일마켓입니다.`"""
    text = sentence.low.rstrip(".!~ ")
    return len(text) < 30 and text.endswith("입니다") and text.count(" ") < 3 and not has(text, SYMPTOMS)


def _is_signature(rest: Sequence[str]) -> bool:
    """Whether what follows `Thanks,` is a name, a job and the like."""
    return 0 < len(rest) <= _SIGNATURE_LINES and all(len(line) < _SIGNATURE_CHARS and line[-1] not in ".?!" for line in rest)


def _turn(part: Part) -> Turn:
    return _read(part.role, part.text)


# A ticket with notes is summarized twice, so every public turn comes here twice; summaries come in batches.
@lru_cache(maxsize=2_048)
def _read(role: Role | None, text: str) -> Turn:
    sentences = sentences_of(text)
    steps = tuple(filter(_is_step, sentences)) if role is Role.AGENT else ()
    return Turn(role, sentences, steps, text[:_TURN_CHARS].lower())


def _problem(title: str, turns: Sequence[Turn]) -> list[Sentence]:
    """The first sentences that say something, the first symptom among them."""
    for turn in turns:
        if turn.role is Role.SYSTEM or not turn.sentences:
            continue
        said = turn.sentences
        first = said[: _PROBLEM_SENTENCES - 1]
        if len(said) > len(first) and not any(has(sentence.low, SYMPTOMS) for sentence in first):
            return [*first, next((sentence for sentence in said[len(first) :] if has(sentence.low, SYMPTOMS)), said[len(first)])]
        return list(said[:_PROBLEM_SENTENCES])
    return [Sentence(title, title.lower(), item=False)]


def _cause(agents: Sequence[Turn]) -> list[Sentence]:
    """What an agent names as the cause; else what they explained right before the steps."""
    strong: list[Sentence] = []
    weak: list[Sentence] = []
    explained: list[Sentence] = []
    for turn in agents:
        first_step = turn.sentences.index(turn.steps[0]) if turn.steps else 0
        here = [sentence for sentence in turn.sentences[:first_step] if not is_question(sentence.low)]
        # The last turn with steps is the one that helped.
        explained = [sentence for sentence in here if not has(sentence.low, LEAD_INS)] or explained
        for sentence in turn.sentences:
            if is_question(sentence.low) or has(sentence.low, LEAD_INS):
                continue
            if has(sentence.low, STRONG_CAUSES):
                strong.append(sentence)
            elif has(sentence.low, WEAK_CAUSES):
                weak.append(sentence)
    if explained and any(sentence in explained for sentence in strong + weak):
        # The cue is in the explanation: its neighbors belong to it.
        return explained[:_CAUSE_SENTENCES]
    return (strong or explained or weak)[:_CAUSE_SENTENCES]


def _solution(agents: Sequence[Turn], cause: Sequence[Sentence], *, settled: bool) -> list[Sentence]:
    """The steps of the last turn that has some, those of earlier turns before them; without steps, what the last agent said."""
    steps: list[Sentence] = []
    for turn in reversed(agents):
        here = [sentence for sentence in turn.steps if sentence not in cause]
        if here and len(steps) + len(here) <= _SOLUTION_SENTENCES:
            steps = [*(sentence for sentence in here if sentence not in steps), *steps]
        elif here and not steps:
            steps = here[:_SOLUTION_SENTENCES]
    if steps or not settled:
        return steps
    last = next((turn for turn in reversed(agents) if turn.sentences), None)
    return [sentence for sentence in last.sentences if not is_question(sentence.low)][:_PROBLEM_SENTENCES] if last else []


def _is_step(sentence: Sentence) -> bool:
    if sentence.item:
        return True
    if is_question(sentence.low) or has(sentence.low, LEAD_INS):
        return False
    return is_instruction(sentence.low) or is_done(sentence.low)


def _confirmation(turns: Sequence[Turn]) -> tuple[int, list[Sentence]] | None:
    """Where and how the customer last said that it works: in so many words, or as the last word after the steps."""
    helped = max(
        (number for number, turn in enumerate(turns) if turn.role is Role.AGENT and any(map(_is_step, turn.sentences))), default=None
    )
    for position in range(len(turns) - 1, 0, -1):
        if turns[position].role is not Role.CUSTOMER or not turns[position].sentences:
            continue
        said = turns[position].sentences
        if told := [sentence for sentence in said if is_success(sentence.low)]:
            return position, told[:_RESULT_SENTENCES]
        unsettled = any(is_failure(s.low) or is_question(s.low) or has(s.low, INTENDING) for s in said)
        if helped is not None and position > helped and not unsettled:
            return position, list(said[-_RESULT_SENTENCES:])
        if unsettled:
            return None
    return None


def _closing(agents: Sequence[Turn]) -> list[Sentence]:
    """How an agent said that it is done, where no customer confirmed it; `would be` and `if` don't count."""
    for turn in reversed(agents):
        said = [s for s in turn.sentences if is_success(s.low) and not is_question(s.low) and not _is_conditional(s.low)]
        if said:
            return said[-1:]
    return []


def _is_conditional(low: str) -> bool:
    return has(low, ("면 ", "는지", "예정", "때까지", "if ", "should ", "will ", "once ", "until ")) or is_instruction(low)


def _complains_after(turns: Sequence[Turn], position: int | None) -> bool:
    """Whether the customer came back later because it does not work."""
    agents = [number for number, turn in enumerate(turns) if turn.role is Role.AGENT]
    start = position if position is not None else (agents[-1] if agents else 0)
    return any(turn.role is Role.CUSTOMER and any(is_failure(sentence.low) for sentence in turn.sentences) for turn in turns[start + 1 :])


def _sentiment(turns: Sequence[Turn]) -> str:
    last = next((turn.raw for turn in reversed(turns) if turn.role is Role.CUSTOMER), "")
    if has(last, ANGER):
        return "negative"
    said = [turn for turn in turns if turn.role is Role.CUSTOMER]
    # The first message thanks in advance; only what comes after an answer says something.
    if len(said) > 1 and has(last, THANKS) and not any(is_failure(sentence.low) for sentence in said[-1].sentences):
        return "positive"
    return "neutral"


def _tags(title: str) -> tuple[str, ...]:
    tags: dict[str, str] = {}
    for word in _TITLE_WORD.findall(title):
        tag = _PARTICLE.sub("", word) if word[0] >= "가" else word
        if len(tag) > 1 and tag.lower() not in _STOP_TAGS and word not in _STOP_TAGS and not word.endswith(_VERB_ENDS):
            tags.setdefault(tag.lower(), tag)
    return tuple(tags.values())[:_TAGS]


def _joined(sentences: Iterable[Sentence]) -> str:
    """One text: a list item on a line of its own, sentences one after the other."""
    text = ""
    for sentence in sentences:
        text += ("" if not text else "\n" if sentence.item else " ") + sentence.text
    return text
