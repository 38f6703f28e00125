"""Answers that quote: the sources' own sentences with their numbers, or NO_ANSWER."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from backend.adapters.offline.cues import is_done, is_instruction, is_question
from backend.adapters.offline.summarize import Sentence, sentences_of
from backend.core.model.answer import AnswerMaterial, SourceText
from backend.core.prompts.answer import NO_ANSWER
from backend.core.text.naming import named_tickets
from backend.core.text.tokens import Tokenizer

_LEAST_COVERAGE: Final = 0.2
"""Share of the question's weight that a source must have to be quoted; low, since the search has judged before."""
_CLOSE: Final = 0.75
"""A second source is quoted when its coverage is at least this share of the best one's."""
_SENTENCES: Final = 4
_STEPS: Final = 8
_STEP_BONUS: Final = 0.6
_TO_THE_POINT: Final = 0.15
"""Share of the question's weight that makes a sentence worth saying beside a list of steps."""
_QUOTE_CHARS: Final = 300

_FRAME: Final = {"ko": "자료에 따르면 다음과 같습니다.", "en": "According to the sources:"}


Words = Mapping[str, tuple[str, ...]]
"""Words that say something, each with its search terms."""


class Quote(NamedTuple):
    """A sentence and the number of the source it is from."""

    sentence: Sentence
    number: int

    @property
    def line(self) -> str:
        """The sentence with its marker."""
        text = self.sentence.text if len(self.sentence.text) <= _QUOTE_CHARS else self.sentence.text[: _QUOTE_CHARS - 1].rstrip() + "…"
        return f"{text} [{self.number}]"

    @property
    def step(self) -> str:
        """The line as an item of a list; one that has a number of its own keeps it."""
        return self.line if self.sentence.item else f"- {self.line}"


def answer(material: AnswerMaterial, tokenizer: Tokenizer) -> str:
    """The sentences that answer best, each with its number, in a frame of the question's language; or NO_ANSWER."""
    quotes = choose_quotes(material.question, material.sources, tokenizer, limit=_SENTENCES) or _of_named(material)
    if not quotes:
        return NO_ANSWER
    frame = _FRAME.get(material.language, _FRAME["en"])
    # A note often repeats what the reply says; what is said first stands.
    said = {quote.sentence.text: quote for quote in reversed(quotes)}
    return "\n".join([frame, *(quote.step for quote in quotes if said[quote.sentence.text] is quote)])


def _of_named(material: AnswerMaterial) -> list[Quote]:
    """Of the tickets that the question names by number, whatever it asks about them: what each is about, and what helped."""
    names = tuple(f"#{number}" for number in named_tickets(material.question))
    named = [source for source in material.sources if source.title.endswith(names)] if names else []
    each = max(2, _SENTENCES // len(named)) if named else 0
    quotes = [Quote(sentence, source.number) for source in named for sentence in _gist(source, each)]
    return quotes[: _STEPS + _SENTENCES]


def _gist(source: SourceText, limit: int) -> list[Sentence]:
    """The first sentence and the steps, in their order; where there are no steps the first sentences."""
    sentences = [each for each in sentences_of(source.text) if not source.title.startswith(each.text)]
    steps = [each for each in sentences[1:] if each.item or is_instruction(each.low) or is_done(each.low)]
    return [*sentences[:1], *(steps[:_STEPS] or sentences[1:limit])]


def choose_quotes(
    question: str, sources: Sequence[SourceText], tokenizer: Tokenizer, *, limit: int, steps_only: bool = False
) -> list[Quote]:
    """Sentences of the sources that have enough of the question's informative terms, what to do before what went wrong."""
    wanted = dict(tokenizer.words(question))
    if not wanted or not sources:
        return []
    found = [frozenset(tokenizer.terms(f"{source.title} {source.text}")) for source in sources]
    weights = _weights(wanted, found)
    covered = [_coverage(wanted, weights, terms) for terms in found]
    best = max(covered)
    if best < (_LEAST_COVERAGE if not steps_only else _LEAST_COVERAGE / 2):
        return []
    quotes: list[Quote] = []
    for _, source in sorted(
        ((share, source) for share, source in zip(covered, sources, strict=True) if share >= best * _CLOSE),
        key=lambda found: -found[0],
    ):
        room = limit - len(quotes)
        if room <= 0:
            break
        share = room if not quotes else max(1, room // 2)
        quotes += _best_of(source, lambda terms: _coverage(wanted, weights, terms), tokenizer, share, steps_only=steps_only)
        if quotes and steps_only:
            break
    return quotes


def _best_of(
    source: SourceText, coverage: Callable[[frozenset[str]], float], tokenizer: Tokenizer, limit: int, *, steps_only: bool
) -> list[Quote]:
    """The best sentences of one source in their own order, and its whole list where it has one: half a recipe helps nobody."""
    ranked: list[tuple[float, int, Sentence]] = []
    sentences = sentences_of(source.text)
    has_list = any(sentence.item for sentence in sentences)
    for position, sentence in enumerate(sentences):
        question = is_question(sentence.low)
        step = not question and (sentence.item or is_instruction(sentence.low) or is_done(sentence.low))
        if (steps_only and not step) or sentence.text == source.title:
            continue
        shared = coverage(frozenset(tokenizer.terms(sentence.text)))
        # Beside a list of steps only what speaks of the question itself is worth saying.
        beside = has_list and not sentence.item
        if (shared >= _TO_THE_POINT and not question) if beside else (shared or step):
            ranked.append((shared + (_STEP_BONUS if step else 0.0), position, sentence))
    items = [entry for entry in ranked if entry[2].item][:_STEPS]
    others = sorted((entry for entry in ranked if not entry[2].item), key=lambda entry: (-entry[0], entry[1]))
    chosen = sorted([*items, *others[: max(1, limit // 2) if items else limit]], key=lambda entry: entry[1])
    return [Quote(sentence, source.number) for _, _, sentence in chosen]


def _coverage(wanted: Words, weights: Mapping[str, float], terms: frozenset[str]) -> float:
    """Share of the wanted words' weight that these terms have; a word counts by the share of its own terms."""
    total = sum(weights.values())
    return sum(weights[word] * len(terms.intersection(parts)) / len(parts) for word, parts in wanted.items()) / total


def _weights(wanted: Words, documents: Sequence[frozenset[str]]) -> dict[str, float]:
    """How informative each word is, by in how many of these sources it occurs; one in no source weighs as one in a single one."""
    size = len(documents)
    counts = {word: max(1, sum(terms.issuperset(parts) for terms in documents)) for word, parts in wanted.items()}
    return {word: math.log(1 + (size - count + 0.5) / (count + 0.5)) + 0.5 for word, count in counts.items()}
