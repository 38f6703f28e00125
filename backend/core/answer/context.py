"""Choose from Hits the numbered sources an answer may rest on, within a budget of tokens and by who may see them."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from backend.core.model.answer import SourceText
from backend.core.model.article import Visibility
from backend.core.model.document import Chunk
from backend.core.model.search import Hit
from backend.core.prompts.fence import defuse, unmark
from backend.core.text.size import clip_tokens, estimate_tokens

CONTEXT_TOKENS: Final = 4_000
_SOURCE_TOKENS: Final = 1_200
_LEAST_TOKENS: Final = 40
_SOURCES: Final = 8
_PASSAGES: Final = 3
_PAIR: Final = ("problem", "solution")

FOR_CUSTOMERS: Final = frozenset({Visibility.PUBLIC, Visibility.RESTRICTED, Visibility.CONVERSATION})
"""What a text that a customer gets may rest on. A closed list: a visibility class of tomorrow is kept out until it is put here."""


class Source(Struct, frozen=True, kw_only=True):
    """A numbered source, and the Hit and Chunks it was made of."""

    text: SourceText
    hit: Hit
    chunks: tuple[Chunk, ...]


def choose_sources(hits: Sequence[Hit], *, for_customer: bool = False, budget: int = CONTEXT_TOKENS) -> list[Source]:
    """Sources in the order of the Hits, numbered from 1, at most `budget` tokens by estimate in all.

    With `for_customer` nothing is taken but what `FOR_CUSTOMERS` allows, whatever the Hits hold.
    """
    sources: list[Source] = []
    seen: set[str] = set()
    for hit in hits:
        for chunks in _passages(hit, for_customer=for_customer):
            text = "\n".join(chunk.text for chunk in chunks)
            limit = min(budget, _SOURCE_TOKENS)
            if text in seen or limit < _LEAST_TOKENS:
                continue
            seen.add(text)
            clipped = clip_tokens(text, limit)
            budget -= estimate_tokens(clipped)
            sources.append(_source(len(sources) + 1, clipped, hit, chunks))
            if len(sources) == _SOURCES:
                return sources
    return sources


def _passages(hit: Hit, *, for_customer: bool) -> list[tuple[Chunk, ...]]:
    """The best chunk first. A ticket's problem and solution belong together; other chunks stand alone."""
    allowed = {chunk.ordinal: chunk for chunk in (hit.chunk, *hit.other_chunks) if not for_customer or chunk.visibility in FOR_CUSTOMERS}
    pair = tuple(sorted((chunk for chunk in allowed.values() if chunk.kind in _PAIR), key=lambda chunk: chunk.ordinal))
    passages: list[tuple[Chunk, ...]] = []
    for chunk in allowed.values():
        passage = pair if chunk.kind in _PAIR else (chunk,)
        if passage not in passages:
            passages.append(passage)
    return passages[:_PASSAGES]


def _source(number: int, text: str, hit: Hit, chunks: tuple[Chunk, ...]) -> Source:
    first = chunks[0]
    title = hit.title if first.heading in ("", hit.title) else f"{hit.title} - {first.heading}"
    if first.page is not None:
        title = f"{title} (p. {first.page})"
    return Source(
        text=SourceText(
            number=number,
            title=unmark(defuse(title)),
            text=unmark(defuse(text)),
            visibility=first.visibility,
            document_id=hit.document_id,
            ordinal=first.ordinal,
        ),
        hit=hit,
        chunks=chunks,
    )
