"""Check the numbers a model cites, and find the sentence of the source that each one points to.

A number that no source has is dropped with its brackets; the rest are numbered anew in the order they appear. It works
on pieces as they stream, so that what a reader saw and what is kept are the same text.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from backend.core.answer.context import Source
from backend.core.model.answer import Citation
from backend.core.model.document import Chunk
from backend.core.text.sentences import split_sentences
from backend.core.text.tokens import BigramTokenizer

QUOTE_CHARS: Final = 300
# Only to compare sentences: whatever tokenizer the index uses, this one needs no memory.
_TOKENIZER: Final = BigramTokenizer()

_MARKER = re.compile(r"(?P<space>[ \t]*)(?:\[(?P<list>\s*\d{1,3}(?:\s*[,;、-]\s*\d{1,3})*\s*)\]|【(?P<other>[^】]{0,40})】)")
_PENDING = re.compile(r"[ \t]*(?:\[[\d\s,;、-]{0,40}|【[^】]{0,40})?$")
_NUMBER = re.compile(r"(?P<first>\d{1,3})(?:\s*-\s*(?P<last>\d{1,3}))?")
_LEFT = re.compile(r"[ \t]*\[\d{1,3}\]")


class Citer:
    """Rewrites a model's `[n]` markers, piece by piece; `cited` maps its numbers to the new ones.

    Without `renumber` the valid ones stay as they are: for a text whose citations are listed already.
    """

    def __init__(self, valid: Collection[int], *, renumber: bool = True) -> None:
        self._valid = frozenset(valid)
        self._renumber = renumber
        self._pending = ""
        self.cited: dict[int, int] = {}

    def feed(self, piece: str) -> str:
        """The text that is certain now; the beginning of a marker is held back until its end comes."""
        text = self._pending + piece
        held = _PENDING.search(text)
        cut = held.start() if held else len(text)
        self._pending = text[cut:]
        return _MARKER.sub(self._rewrite, text[:cut])

    def finish(self) -> str:
        """What was held back."""
        rest, self._pending = self._pending, ""
        return _MARKER.sub(self._rewrite, rest)

    def _rewrite(self, found: re.Match[str]) -> str:
        numbers = [number for number in _numbers(found["list"] or found["other"] or "") if number in self._valid]
        if not numbers:
            return ""
        markers = "".join(f"[{self._new(number)}]" for number in dict.fromkeys(numbers))
        return found["space"] + markers

    def _new(self, number: int) -> int:
        return self.cited.setdefault(number, len(self.cited) + 1 if self._renumber else number)


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for found in _NUMBER.finditer(text):
        first = int(found["first"])
        last = int(found["last"] or first)
        numbers += range(first, min(last, first + 20) + 1)
    return numbers


def plain_text(text: str) -> str:
    """An answer without its markers: what goes into a customer's reply."""
    return _LEFT.sub("", text)


def make_citations(text: str, cited: dict[int, int], sources: Sequence[Source]) -> tuple[Citation, ...]:
    """A Citation for each marker of a rewritten `text`, with the sentence of its source that says it best."""
    by_number = {source.text.number: source for source in sources}
    claims = _claims(text)
    return tuple(
        _citation(number, by_number[original], claims.get(number, text))
        for original, number in sorted(cited.items(), key=lambda item: item[1])
    )


def _claims(text: str) -> dict[int, str]:
    """For each number the words before its markers: what it is cited for."""
    claims: dict[int, str] = {}
    claim, ended = "", False
    for piece in re.split(r"(\[\d{1,3}\])", text):
        if piece.startswith("[") and piece[1:-1].isdigit():
            number = int(piece[1:-1])
            claims[number] = f"{claims.get(number, '')} {claim}".strip()
            ended = True
        elif piece.strip():
            claim = piece if ended or not claim else f"{claim} {piece}"
            ended = False
    return claims


def _citation(number: int, source: Source, claim: str) -> Citation:
    chunk, quote = best_sentence(claim, source.chunks)
    hit = source.hit
    return Citation(
        number=number,
        document_id=hit.document_id,
        doc_type=hit.doc_type,
        platform=hit.platform,
        original_id=hit.original_id,
        title=hit.title,
        url=hit.url,
        chunk_ordinal=chunk.ordinal,
        visibility=chunk.visibility,
        quote=quote,
        page=chunk.page,
        attachment_id=chunk.attachment_id,
        score=hit.score,
    )


def best_sentence(claim: str, chunks: Sequence[Chunk]) -> tuple[Chunk, str]:
    """The sentence of `chunks` that shares most words with `claim` (the shorter of equals), at most `QUOTE_CHARS` long."""
    wanted = dict(_TOKENIZER.words(claim))
    best, best_rank = (chunks[0], chunks[0].text.strip()), (0.0, 0.0)
    for chunk in chunks:
        for sentence in split_sentences(chunk.text):
            terms = frozenset(_TOKENIZER.terms(sentence))
            shared = sum(len(terms.intersection(word)) / len(word) for word in wanted.values())
            rank = (shared, shared / (len(terms) or 1))
            if rank > best_rank:
                best, best_rank = (chunk, sentence), rank
    chunk, quote = best
    quote = quote.strip()
    return chunk, quote if len(quote) <= QUOTE_CHARS else quote[: QUOTE_CHARS - 1].rstrip() + "…"
