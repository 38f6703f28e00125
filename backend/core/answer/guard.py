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
_LAST_WORD = re.compile(r"\w+$")


class LeakGuard:
    """Looks at a draft as it streams: what it lets through never completes a run of words that only internal texts hold.

    Once `leaked` is True nothing more comes through.
    """

    def __init__(self, internal: Iterable[str], public: Iterable[str]) -> None:
        open_texts = [_words(text) for text in public]
        allowed = {run for words in open_texts for run in _runs(words)}
        secret = [_words(text) for text in internal]
        self._runs = {run for words in secret for run in _runs(words)} - allowed
        self._short = [
            words for words in secret if _SHORTEST <= len(words) < RUN_WORDS and not any(_within(words, other) for other in open_texts)
        ]
        self._pending = ""
        self._said: list[str] = []
        self.leaked = False

    def feed(self, piece: str) -> str:
        """What of the text so far may be shown; its last word is held back until it is known to be whole."""
        text = self._pending + piece
        last = _LAST_WORD.search(text)
        cut = last.start() if last else len(text)
        self._pending = text[cut:]
        return self._checked(text[:cut])

    def finish(self) -> str:
        """What was held back."""
        rest, self._pending = self._pending, ""
        return self._checked(rest)

    def _checked(self, text: str) -> str:
        if self.leaked:
            return ""
        words = [*self._said, *_words(plain_text(text))]
        self.leaked = not self._runs.isdisjoint(_runs(words)) or any(_within(short, words) for short in self._short)
        # A run that goes on in the next piece needs no more of this one.
        self._said = words[-RUN_WORDS:]
        return "" if self.leaked else text


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
