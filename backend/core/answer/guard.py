"""A last look at a draft for a customer: nothing that only internal texts hold may be in it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from backend.core.answer.citations import plain_text
from backend.core.model.article import Visibility
from backend.core.model.document import Document
from backend.core.model.search import Hit

RUN_WORDS: Final = 8
"""So many words in a row that only internal texts hold are a leak."""
_SHORTEST: Final = 4
_WORD = re.compile(r"\w+")


def leaks(draft: str, internal: Iterable[str], public: Iterable[str]) -> bool:
    """Whether `draft` repeats eight words in a row of an internal text (or a whole shorter one) that no public text holds."""
    spoken = _words(plain_text(draft))
    told = set(_runs(spoken))
    open_texts = [_words(text) for text in public]
    allowed = {run for words in open_texts for run in _runs(words)}
    for text in internal:
        words = _words(text)
        if any(run in told and run not in allowed for run in _runs(words)):
            return True
        short = _SHORTEST <= len(words) < RUN_WORDS
        if short and _within(words, spoken) and not any(_within(words, other) for other in open_texts):
            return True
    return False


def internal_texts(document: Document, hits: Sequence[Hit]) -> list[str]:
    """What a draft must not repeat: the ticket's notes and the hits' internal chunks, whole and line by line."""
    texts = [part.text for part in document.parts if part.visibility is Visibility.INTERNAL]
    texts += [chunk.text for hit in hits for chunk in (hit.chunk, *hit.other_chunks) if chunk.visibility is Visibility.INTERNAL]
    return [line for text in texts for line in (text, *text.splitlines())]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[start : start + RUN_WORDS]) for start in range(len(words) - RUN_WORDS + 1))


def _within(words: Sequence[str], text: Sequence[str]) -> bool:
    return f" {' '.join(words)} " in f" {' '.join(text)} "
