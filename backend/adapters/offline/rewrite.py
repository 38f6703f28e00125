"""What can be done with a draft without a language model: leave sentences out, and change known endings."""

import math
import re
from collections import Counter
from typing import Final

from msgspec import Struct

from backend.adapters.offline.cues import LIST_ITEM, is_courtesy, is_done, is_instruction
from backend.adapters.offline.register import in_register
from backend.core.errors import AppError, Code
from backend.core.model.answer import RewriteMaterial
from backend.core.text.sentences import split_sentences
from backend.core.text.tokens import Tokenizer

_SHARE: Final = 0.6
"""So much of the characters may stay when a text is shortened."""
_STEP: Final = 10.0
_FACT: Final = 2.0
_COURTESY: Final = -5.0
_FACTS: Final = re.compile(r"\d|https?://|\[\d{1,3}\]")
_NEEDED: Final = (
    "The offline model can shorten a draft and change its tone, but not {action} it. "
    "Set DESKLORE_GENERATE_MODEL to a language model, such as openai:<model>, for that."
)


class _Unit(Struct, kw_only=True):
    """A sentence, the line it stands on, and what it is worth."""

    line: int
    text: str
    worth: float
    kept: bool = True


def rewrite(material: RewriteMaterial, tokenizer: Tokenizer) -> str:
    """The text shortened or in another register. Raises LANGUAGE_MODEL_NEEDED for what needs new words."""
    if material.action == "shorten":
        return in_register(_shortened(material.text, tokenizer), material.tone, material.language)
    if material.action == "tone" and material.tone == "concise":
        return _without_small_talk(material.text)
    if material.action == "tone":
        return in_register(material.text, material.tone, material.language)
    raise AppError(Code.LANGUAGE_MODEL_NEEDED, _NEEDED.format(action=material.action))


def _shortened(text: str, tokenizer: Tokenizer) -> str:
    """The worthiest sentences in their order. Steps stay, all of them: half a recipe helps nobody."""
    units = _units(text, tokenizer)
    room = _SHARE * sum(len(unit.text) for unit in units)
    for unit in sorted(units, key=lambda unit: unit.worth):
        if unit.worth >= _STEP or sum(len(each.text) for each in units if each.kept) <= room:
            break
        unit.kept = sum(each.kept for each in units) == 1
    return _joined(text, [unit for unit in units if unit.kept])


def _without_small_talk(text: str) -> str:
    """All but courtesies between the greeting and the last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    kept = [line for place, line in enumerate(lines) if place in (0, len(lines) - 1) or not is_courtesy(line.strip().lower())]
    return _tidy("\n".join(line for line in text.splitlines() if not line.strip() or line in kept))


def _units(text: str, tokenizer: Tokenizer) -> list[_Unit]:
    """The sentences with what they are worth: steps most, then what speaks of what the whole text speaks of."""
    found = [(number, sentence) for number, line in enumerate(text.splitlines()) for sentence in split_sentences(line)]
    terms = [frozenset(tokenizer.terms(sentence)) for _, sentence in found]
    counts = Counter(term for each in terms for term in each)
    last = len(found) - 1
    units = []
    for place, (number, sentence) in enumerate(found):
        low = sentence.lower()
        shared = sum(counts[term] - 1 for term in terms[place]) / math.sqrt(len(terms[place]) + 1)
        worth = min(shared, _STEP - _FACT - 1)
        if is_courtesy(low):
            worth = _COURTESY
        elif LIST_ITEM.match(sentence) or is_instruction(low) or is_done(low):
            worth = _STEP
        if place in (0, last):
            # Without its greeting and its end a letter is rude.
            worth = _STEP
        units.append(_Unit(line=number, text=sentence, worth=worth + (_FACT if _FACTS.search(sentence) else 0.0)))
    return units


def _joined(text: str, units: list[_Unit]) -> str:
    """The kept sentences on the lines they stood on; blank lines stay single."""
    lines: list[str] = []
    for number, line in enumerate(text.splitlines()):
        kept = " ".join(unit.text for unit in units if unit.line == number)
        if kept or not line.strip():
            lines.append(kept)
    return _tidy("\n".join(lines))


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip()
