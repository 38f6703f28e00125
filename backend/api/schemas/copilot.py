"""JSON of the copilot: a ticket's brief, questions and answers, reply drafts."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from backend.api.schemas.base import Id, In, Out
from backend.api.schemas.documents import ChunkOut, SummaryOut
from backend.core.errors import Code
from backend.core.model.article import Visibility
from backend.core.model.copilot import BriefSource, Intent, ReplyLength, RewriteAction, Tone
from backend.core.model.document import DocType
from backend.core.model.search import Filters

LANGUAGE_TAG = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"
Language = Field(None, pattern=LANGUAGE_TAG, description="ISO 639-1; left out: the text's own.", examples=["ko"])
_MANY = Field((), max_length=100)
_ARTICLES = "Of a helpdesk."
_DOCUMENTS = "Of a connection of files."
DEGRADED = "Why meaning took no part in the search though it weighs: the code of the embedder's error. Words alone found this."
_ATTACHMENTS = "Documents of any type whose best chunk lies in an attachment."


class WhyOut(Out):
    """What a hit's place is made of; ranks begin at 1 and count chunks, null: not among the nearest by that."""

    matched: list[str]
    missing: list[str]
    dense_rank: int | None
    cosine: float | None
    sparse_rank: int | None
    sparse_score: float | None
    fused: float
    feedback: float
    votes: int
    recency: float
    rerank: float | None
    support: float


class HitOut(Out):
    """A found document with its best chunk, and why it stands where it stands."""

    document_id: str
    doc_type: DocType
    platform: str
    original_id: str
    title: str
    url: str | None
    status: str | None
    language: str
    updated_at: datetime
    chunk: ChunkOut
    other_chunks: list[ChunkOut]
    score: float
    coverage: float
    explanation: list[str]
    why: WhyOut


class BriefOut(Out):
    """What an agent sees on opening a ticket."""

    document_id: str
    connection_id: str
    platform: str
    ticket_id: str
    title: str
    status: str | None
    status_label: str | None
    priority: str | None
    product: str | None
    requester: str | None
    language: str
    tags: list[str]
    url: str | None
    created_at: datetime
    updated_at: datetime
    summary: SummaryOut | None
    similar: list[HitOut]
    articles: list[HitOut]
    degraded: Code | None = Field(None, description=DEGRADED)
    took_ms: float
    source: BriefSource


class BeingFetchedOut(Out):
    """A ticket that is not here yet: the helpdesk takes its time."""

    ticket_id: str
    state: Literal["fetching"]
    poll: str
    """Where to ask again, as in the header `Location`."""


class FiltersIn(In):
    """What a result must be; a list left out asks for nothing."""

    doc_types: tuple[DocType, ...] = _MANY
    platforms: tuple[Id, ...] = _MANY
    statuses: tuple[Id, ...] = _MANY
    products: tuple[Id, ...] = _MANY
    tags: tuple[Id, ...] = _MANY
    languages: tuple[Id, ...] = _MANY
    visibilities: tuple[Visibility, ...] = _MANY
    updated_from: AwareDatetime | None = None
    updated_to: AwareDatetime | None = None

    def as_filters(self) -> Filters:
        """The same as the core's own type."""
        return Filters(**{name: getattr(self, name) for name in type(self).model_fields})


class QueryIn(In):
    """A question in the asker's words."""

    question: str = Field(min_length=1, examples=["배송이 늦어질 때 환불은 어떻게 하나요?"])
    filters: FiltersIn = FiltersIn()
    top_k: int = Field(10, ge=1, le=50, description="Results of each type.")
    offset: int = Field(0, ge=0, le=500, description="How many results of each type to leave out.")
    language: str | None = Language


class CitationOut(Out):
    """What `[number]` in an answer points to."""

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
    page: int | None
    attachment_id: str | None = Field(
        description="Of the file the quote is from, for `GET /attachments/{attachment_id}`; null: it is from no file."
    )
    score: float


class UsageOut(Out):
    """Tokens and money of calls to models."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = Field(
        validation_alias="known_cost_usd", description="Null where no price is known; never zero in its place (`DESKLORE_LLM_PRICES`)."
    )
    unpriced_calls: int = Field(description="Calls that `cost_usd` does not count, because their model has no price.")


class AnswerOut(Out):
    """A grounded answer; with `grounded` false it says that the sources don't answer."""

    answer_id: str
    question: str
    text: str
    language: str
    grounded: bool
    citations: list[CitationOut]
    model: str
    provider: str
    usage: UsageOut
    created_at: datetime


class QueryOut(Out):
    """An answer and what was found, by type."""

    answer: AnswerOut
    tickets: list[HitOut]
    articles: list[HitOut] = Field(description=_ARTICLES)
    documents: list[HitOut] = Field(description=_DOCUMENTS)
    attachments: list[HitOut] = Field(description=_ATTACHMENTS)
    intent: Intent = Field(Intent.QUESTION, description="`lookup`: it names tickets by their numbers, which are listed first.")
    degraded: Code | None = Field(None, description=DEGRADED)
    took_ms: float


class HitsEventOut(Out):
    """Data of the event `hits` of a streamed answer or draft; a draft's has no lists by type."""

    hits: list[HitOut] = Field(description="What the answer rests on, of all types, best first.")
    answerable: bool
    intent: Intent = Field(Intent.QUESTION, description="`lookup`: it names tickets by their numbers, which are listed first.")
    degraded: Code | None = Field(None, description=DEGRADED)
    took_ms: float
    tickets: list[HitOut] = []
    articles: list[HitOut] = Field([], description=_ARTICLES)
    documents: list[HitOut] = Field([], description=_DOCUMENTS)
    attachments: list[HitOut] = Field([], description=_ATTACHMENTS)


class TokenEventOut(Out):
    """Data of the event `token` of a streamed answer."""

    text: str


class ReplyIn(In):
    """Which ticket to draft a reply for, and how it shall sound."""

    ticket_id: Id
    platform: Id | None = None
    tone: Tone = Tone.FRIENDLY
    language: str | None = Language
    hint: str = Field("", max_length=2000, description="What the reply should say.")
    length: ReplyLength = ReplyLength.MEDIUM


class ReplyOut(Out):
    """A draft of a reply to the customer; nothing internal is in it."""

    draft_id: str
    document_id: str
    ticket_id: str
    text: str
    language: str
    tone: Tone
    length: ReplyLength
    citations: list[CitationOut]
    grounded: bool
    warnings: list[str]
    model: str
    provider: str
    usage: UsageOut
    created_at: datetime


class RewriteIn(In):
    """A draft and what is to be done with it."""

    text: str = Field(min_length=1, max_length=20_000)
    action: RewriteAction
    language: str | None = Field(
        None,
        pattern=LANGUAGE_TAG,
        description="ISO 639-1 of the new text; left out: the text's own. `translate` needs it.",
        examples=["en"],
    )
    tone: Tone | None = Field(None, description="Left out: as it is. `tone` needs it.")


class RewriteOut(Out):
    """A draft written anew; its citations are those it had."""

    text: str
    action: RewriteAction
    language: str
    tone: Tone | None
    warnings: list[str]
    model: str
    provider: str
    usage: UsageOut
    created_at: datetime
