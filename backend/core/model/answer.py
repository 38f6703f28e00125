"""Talking to a model, and what an answer is made of."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose, Usage
from backend.core.model.document import DocType, Part


class SourceText(Struct, frozen=True, kw_only=True):
    """A numbered text an answer may rest on."""

    number: int
    """One-based; what `[1]` in an answer refers to."""
    title: str
    text: str
    visibility: Visibility
    document_id: str
    ordinal: int = 0


class SummaryMaterial(Struct, frozen=True, kw_only=True):
    """What a summary is made from."""

    title: str
    parts: tuple[Part, ...]


class AnswerMaterial(Struct, frozen=True, kw_only=True):
    """What an answer is made from."""

    question: str
    language: str
    sources: tuple[SourceText, ...]


class ReplyMaterial(Struct, frozen=True, kw_only=True):
    """What a reply to a customer is made from; holds nothing INTERNAL, by construction."""

    title: str
    parts: tuple[Part, ...]
    language: str
    tone: str
    sources: tuple[SourceText, ...]
    customer: str = ""
    agent: str = ""
    hint: str = ""
    """What the agent wants the reply to say."""
    length: str = "medium"
    """`short`, `medium` or `long`."""


class RerankMaterial(Struct, frozen=True, kw_only=True):
    """What is judged by how well it answers a question."""

    question: str
    texts: tuple[str, ...]


class RewriteMaterial(Struct, frozen=True, kw_only=True):
    """What is written anew, and how."""

    text: str
    action: str
    """`rephrase`, `shorten`, `expand`, `translate` or `tone`."""
    language: str
    """ISO 639-1 of the new text."""
    tone: str = ""
    """Empty: as it is."""


Material = SummaryMaterial | AnswerMaterial | ReplyMaterial | RerankMaterial | RewriteMaterial


class Message(Struct, frozen=True, kw_only=True):
    """One message to a model; `role` is `system`, `user` or `assistant`."""

    role: str
    text: str


class Prompt(Struct, frozen=True, kw_only=True):
    """What a model is asked: as messages for a language model, as material for the offline one.

    With `schema` (JSON Schema with a `title`) the answer must be JSON of that shape.
    """

    purpose: Purpose
    version: str
    """Name and version of the prompt's text, part of every cache key: `summary-1`."""
    messages: tuple[Message, ...]
    material: Material
    schema: dict[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float = 0.0


class Completion(Struct, frozen=True, kw_only=True):
    """What a model answered."""

    text: str
    usage: Usage
    model: str
    provider: str


class Delta(Struct, frozen=True, kw_only=True):
    """A piece of a streamed answer; the last one carries the usage and no text."""

    text: str = ""
    usage: Usage | None = None
    provider: str = ""
    """With the usage: who made it, where that may be another than who was asked."""
    model: str = ""


class Citation(Struct, frozen=True, kw_only=True):
    """The Hit an answer points to by number."""

    number: int
    document_id: str
    doc_type: DocType
    platform: str
    original_id: str
    title: str
    url: str | None
    chunk_ordinal: int
    visibility: Visibility
    quote: str
    page: int | None = None
    attachment_id: str | None = None
    """Of the file the quote is from, which `GET /attachments/{attachment_id}` gives; None: it is from no file."""
    score: float


class Answer(Struct, frozen=True, kw_only=True):
    """A grounded answer. Where the sources don't answer, `grounded` is False, and no citation is made up."""

    answer_id: str
    question: str
    text: str
    language: str
    grounded: bool
    citations: tuple[Citation, ...]
    model: str
    provider: str
    usage: Usage
    created_at: datetime


class AnswerEventKind(StrEnum):
    """What a streamed answer tells."""

    HITS = "hits"
    TOKEN = "token"
    DONE = "done"
    ERROR = "error"


class AnswerEvent(Struct, frozen=True, kw_only=True):
    """One event of a streamed answer.

    `data` is a SearchResult (or its FoundHits), a text, an Answer (or a ReplyDraft, or a Rewritten) or an error's body.
    """

    kind: AnswerEventKind
    data: Any
