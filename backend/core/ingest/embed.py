"""Cut a Document into Chunks and turn their texts into vectors.

A ticket is found by what it was about and by what helped: its Summary is the text of its chunks, and the wording of
the people around it goes into `lexical` only. Files and articles are cut by page and heading.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct, structs

from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose, Usage
from backend.core.model.document import TURN_KINDS, Chunk, DocType, Document, Part, Summary
from backend.core.model.ticket import Presence, Role
from backend.core.ports.kept_vectors import vector_key
from backend.core.ports.llm import Embedder
from backend.core.text.language import detect_language
from backend.core.text.sentences import split_sentences
from backend.core.text.size import clip_tokens, estimate_tokens

CHUNK_TOKENS: Final = 900
"""No chunk is longer than this, by estimate."""
_ENOUGH_TOKENS: Final = 512
"""A chunk of this size is closed at the next page, heading or paragraph."""
_TINY_TOKENS: Final = 128
"""A page or section smaller than this is joined with the next one."""
_OVERLAP: Final = 0.1
_TEXTS_A_CALL: Final = 100
"""Of the longest chunks these are fewer tokens than a provider takes in one request."""
_WORDING_TOKENS: Final = 600
_PROBLEM, _SOLUTION, _FIRST_OTHER = 0, 1, 2


class Embedded(Struct, frozen=True, kw_only=True):
    """Vectors in the order of the texts; `fresh` are the paid-for ones by key, for the cache."""

    vectors: list[list[float]]
    usage: Usage
    fresh: dict[str, list[float]]


def chunk_document(document: Document, questions: Sequence[str] = ()) -> list[Chunk]:
    """A Document's Chunks by ordinal: 0 the problem and 1 the solution of a ticket, then notes, bodies and attachments.

    `questions` are what customers wrote whom an article helped: each makes the article findable by its words, and shows
    the article's own text.

    A ticket without a summary keeps one `body` chunk of what people wrote, so that it can still be found; one that
    nobody wrote in has none, nor one that goes on in another ticket.
    """
    if document.presence is Presence.MERGED:
        return []
    chunks = _ticket_chunks(document) if document.doc_type is DocType.TICKET else []
    ordinal = max((chunk.ordinal + 1 for chunk in chunks), default=0)
    files = [part for part in document.parts if part.kind == "attachment" and part.text]
    bodies = [part for part in document.parts if part.kind not in TURN_KINDS and part.kind != "attachment" and part.text]
    for kind, parts in (("body", bodies), ("attachment", files)):
        for chunk in _text_chunks(document, kind, parts, ordinal):
            chunks.append(chunk)
            ordinal += 1
    return [*chunks, *_question_chunks(chunks, questions, ordinal)]


def _question_chunks(chunks: Sequence[Chunk], questions: Sequence[str], ordinal: int) -> Iterable[Chunk]:
    """The article's text once more for each question, found by the question's words; those are never shown to anybody."""
    bodies = [chunk for chunk in chunks if chunk.kind == "body"]
    shown = [chunk for chunk in bodies if chunk.visibility is not Visibility.INTERNAL] or bodies
    if not shown:
        return
    languages = {detect_language(chunk.text): chunk for chunk in reversed(shown)}
    for number, question in enumerate(questions, ordinal):
        body = languages.get(detect_language(question), shown[0])
        yield structs.replace(body, ordinal=number, kind="question", lexical=question)


async def embed_chunks(
    chunks: Sequence[Chunk],
    *,
    embedder: Embedder,
    cached: Mapping[str, list[float]] | None = None,
    purpose: Purpose = Purpose.EMBED_DOCUMENT,
    ask: Callable[[Mapping[str, str]], Awaitable[tuple[list[list[float]], Usage]]] | None = None,
) -> Embedded:
    """One vector a Chunk, of any number of Documents at once; equal texts and those in `cached` (by `vector_key`) are not paid for.

    `ask`, which is given texts by key, asks the embedder and keeps what it says: once for each piece that is one call.
    Raises the Embedder's LLM_* errors; what was kept by then need not be paid for again.
    """
    known = dict(cached or {})
    keys = [vector_key(embedder, chunk.text) for chunk in chunks]
    missing = {key: chunk.text for key, chunk in zip(keys, chunks, strict=True) if key not in known}
    usage = Usage()
    fresh: dict[str, list[float]] = {}
    waiting = iter(missing.items())
    while piece := dict(islice(waiting, _TEXTS_A_CALL if ask is not None else len(missing))):
        vectors, used = await (embedder.embed(list(piece.values()), purpose) if ask is None else ask(piece))
        fresh |= zip(piece, vectors, strict=True)
        usage += used
    known |= fresh
    return Embedded(vectors=[known[key] for key in keys], usage=usage, fresh=fresh)


def _ticket_chunks(document: Document) -> list[Chunk]:
    summary = document.summary
    customers = _wording(document.parts, Role.CUSTOMER)
    agents = _wording(document.parts, Role.AGENT)
    if summary is None:
        body = clip_tokens(_lines(document.title, *_public_turns(document.parts)), CHUNK_TOKENS) if customers or agents else ""
        chunks = [_chunk(document, _PROBLEM, "body", body)] if body else []
    else:
        chunks = [_chunk(document, _PROBLEM, "problem", problem_text(document, summary), customers)]
        if helped := _lines(summary.solution, summary.result):
            # The title is among the words, so that a question in the customer's terms finds the solution too.
            chunks.append(_chunk(document, _SOLUTION, "solution", helped, _lines(document.title, agents)))
    return [*chunks, *_note_chunks(document, _FIRST_OTHER)]


def problem_text(document: Document, summary: Summary) -> str:
    """The text by whose meaning a summarized ticket is found: what it was about."""
    return _lines(document.title, summary.problem, summary.cause)


def _note_chunks(document: Document, ordinal: int) -> Iterable[Chunk]:
    """What only agents may see: the internal summary's findings, then the notes themselves."""
    notes = [part.text for part in document.parts if part.kind in TURN_KINDS and part.visibility is Visibility.INTERNAL and part.text]
    if not notes:
        return
    findings = _findings(document.internal_summary, document.summary)
    for number, text in enumerate(split_text(_lines(*findings, *notes)), ordinal):
        yield Chunk(
            document_id=document.document_id,
            ordinal=number,
            kind="note",
            text=text,
            lexical=_lines(document.title, text),
            visibility=Visibility.INTERNAL,
            heading=document.title,
        )


def _findings(internal: Summary | None, public: Summary | None) -> list[str]:
    """What the internal summary says beyond the public one."""
    if internal is None:
        return []
    told = {public.cause, public.solution, public.result} if public else set()
    return [text for text in (internal.cause, internal.solution, internal.result) if text and text not in told]


def _chunk(document: Document, ordinal: int, kind: str, text: str, wording: str = "") -> Chunk:
    return Chunk(
        document_id=document.document_id,
        ordinal=ordinal,
        kind=kind,
        text=text,
        lexical=_lines(text, wording),
        visibility=Visibility.CONVERSATION,
        heading=document.title,
    )


def _public_turns(parts: Sequence[Part]) -> list[str]:
    return [
        part.text
        for part in parts
        if part.kind in TURN_KINDS and part.visibility is not Visibility.INTERNAL and part.role in (Role.CUSTOMER, Role.AGENT)
    ]


def _wording(parts: Sequence[Part], role: Role) -> str:
    """What this side wrote where the other could read it, up to `_WORDING_TOKENS`."""
    said = [p.text for p in parts if p.role is role and p.kind in TURN_KINDS and p.visibility is not Visibility.INTERNAL]
    return clip_tokens("\n".join(said), _WORDING_TOKENS)


def _text_chunks(document: Document, kind: str, parts: Sequence[Part], ordinal: int) -> Iterable[Chunk]:
    for group in _group(parts):
        first = group[0]
        for text in split_text("\n\n".join(part.text for part in group)):
            yield Chunk(
                document_id=document.document_id,
                ordinal=ordinal,
                kind=kind,
                text=text,
                lexical=_lines(document.title, first.heading, text),
                visibility=first.visibility,
                heading=first.heading or document.title,
                page=first.page,
                attachment_id=first.attachment_id,
            )
            ordinal += 1


def _group(parts: Sequence[Part]) -> Iterable[list[Part]]:
    """Neighboring parts that become one text: never across files, languages or visibilities; across pages only while tiny."""
    group: list[Part] = []
    size = 0
    for part in parts:
        tokens = estimate_tokens(part.text)
        if group and not _joins(group[-1], part, size, tokens):
            yield group
            group, size = [], 0
        group.append(part)
        size += tokens
    if group:
        yield group


def _joins(last: Part, part: Part, size: int, tokens: int) -> bool:
    if (last.attachment_id, last.visibility, last.language) != (part.attachment_id, part.visibility, part.language):
        return False
    if size + tokens > CHUNK_TOKENS:
        return False
    same_place = (last.page, last.heading) == (part.page, part.heading)
    return size < (_ENOUGH_TOKENS if same_place else _TINY_TOKENS)


def split_text(text: str, limit: int = CHUNK_TOKENS) -> list[str]:
    """A text in pieces of at most `limit` tokens by estimate, cut between sentences, each repeating about a tenth of the one before."""
    if not text.strip():
        return []
    if estimate_tokens(text) <= limit:
        return [text.strip()]
    pieces: list[str] = []
    current: list[str] = []
    size = 0
    for unit in _units(text, limit):
        tokens = estimate_tokens(unit) + 1
        if current and (size + tokens > limit or (size >= _ENOUGH_TOKENS * limit // CHUNK_TOKENS and unit.startswith("\n"))):
            pieces.append("".join(current).strip())
            current = _tail(current, int(limit * _OVERLAP))
            size = sum(estimate_tokens(kept) + 1 for kept in current)
            if size + tokens > limit:
                current, size = [], 0
        current.append(unit)
        size += tokens
    return [*pieces, "".join(current).strip()]


def _units(text: str, limit: int) -> Iterable[str]:
    """Sentences with what joins them to the one before: a blank line where a paragraph begins, else a space or a line end."""
    for paragraph in text.split("\n\n"):
        joint = "\n\n"
        for sentence in split_sentences(paragraph):
            rest = sentence
            while rest:
                piece = clip_tokens(rest, limit // 2)
                if not piece:
                    break
                yield joint + piece
                rest = rest[len(piece) :]
                joint = " "


def _tail(units: Sequence[str], tokens: int) -> list[str]:
    """The last whole sentences within so many tokens."""
    kept: list[str] = []
    for unit in reversed(units):
        tokens -= estimate_tokens(unit)
        if tokens < 0:
            break
        kept.insert(0, unit)
    return kept


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
