"""A question to the index and what it finds."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from backend.core.errors import Code
from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType


class SparseVector(Struct, frozen=True):
    """Token ids and weights, of equal length; ids are unsigned 32-bit."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


class Filters(Struct, frozen=True, kw_only=True):
    """What a Hit must be; an empty tuple or None asks for nothing."""

    doc_types: tuple[DocType, ...] = ()
    platforms: tuple[str, ...] = ()
    exclude_platforms: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    visibilities: tuple[Visibility, ...] = ()
    """Only these; empty means all, so callers without `internal:read` must set it."""
    exclude_documents: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    ticket_groups: tuple[str, ...] | None = None
    """No tickets but those of a group with one of these marks; None: of all groups. What is no ticket is not concerned."""


class Ranking(Struct, frozen=True, kw_only=True):
    """How to rank this time, for measuring and explaining; what is None is as the installation is set."""

    dense_weight: float | None = None
    """0: vectors take no part. Above 0 it needs an index with vectors."""
    sparse_weight: float | None = None
    feedback: bool = True
    half_life_days: float | None = None
    """After so many days without a change a Document loses half of what age can take; 0: age takes nothing."""
    rerank: bool = True
    """Whether a model judges the best hits, where the installation has one do that."""


class Query(Struct, frozen=True, kw_only=True):
    """A question in the asker's words."""

    text: str
    filters: Filters = Filters()
    top_k: int = 10
    offset: int = 0
    ranking: Ranking = Ranking()
    indexed: str = ""
    """A text that was indexed and means what is asked for: its vector, known since then, is taken for the question's."""
    weak: bool = True
    """Whether to list what hardly speaks about a question that nothing answers."""


class Point(Struct, frozen=True, kw_only=True):
    """A Chunk with its vectors, ready for the index; carries the Document's fields that are filtered on."""

    point_id: str
    chunk: Chunk
    dense: Sequence[float] | None
    sparse: SparseVector
    doc_type: DocType
    platform: str
    original_id: str
    title: str
    status: str | None
    product: str | None
    tags: tuple[str, ...]
    language: str
    url: str | None
    updated_at: datetime
    groups: tuple[str, ...] = ()
    """See `Document.groups`."""


class Makers(Struct, frozen=True, kw_only=True):
    """What makes the vectors of an index; a vector that others made can't be compared with them."""

    encoder: str
    """The id of the term encoder."""
    provider: str = ""
    """Of the embedder; empty where there are no dense vectors."""
    model: str = ""
    dimension: int = 0

    @property
    def dense(self) -> bool:
        """Whether there are dense vectors."""
        return bool(self.provider)

    @property
    def id(self) -> str:
        """Another text for other makers."""
        return f"{self.provider}/{self.model}/{self.dimension}+{self.encoder}" if self.dense else self.encoder


class Weights(Struct, frozen=True, kw_only=True):
    """What meaning and words count for in the fusion."""

    dense: float
    sparse: float


class Calibration(Struct, frozen=True, kw_only=True):
    """How a tenant's search weighs and when its sources are said to answer, found with judged questions of its own."""

    made_by: str
    """Embedder and term encoder that all of it holds for; with others it is not used."""
    min_support: float
    min_cosine: float | None = None
    """None where no dense vectors take part."""
    kept: float
    """Share of the answerable questions that reach a threshold."""
    refused: float
    """Share of the other questions that reach none."""
    questions: int
    at: datetime
    weights: dict[str, Weights] = {}
    """By the question's language (ISO 639-1); for others the installation's hold."""


class VectorQuery(Struct, frozen=True, kw_only=True):
    """A search by vectors. A vector that is None, or whose weight is 0, takes no part."""

    dense: list[float] | None
    sparse: SparseVector | None
    dense_weight: float = 1.0
    sparse_weight: float = 1.0
    limit: int = 30
    filters: Filters = Filters()


class Found(Struct, frozen=True, kw_only=True):
    """A point the index found; `score` is the fused one, larger is better."""

    point: Point
    """With its `sparse` vector, which tells its terms; `dense` is None."""
    score: float
    cosine: float | None = None
    """Of the dense vectors of point and question, where those took part and it is among the nearest by them."""
    dense_rank: int | None = None
    """Its place (from 1) in the dense list, where it is in it."""
    sparse_rank: int | None = None
    sparse_score: float | None = None
    """BM25 by terms, where it is among the nearest by them."""


class Why(Struct, frozen=True, kw_only=True):
    """What a Hit's place is made of; ranks begin at 1 and count chunks, None: not among the nearest by that."""

    matched: tuple[str, ...] = ()
    """Words of the question that the Document's found chunks have."""
    missing: tuple[str, ...] = ()
    dense_rank: int | None = None
    cosine: float | None = None
    sparse_rank: int | None = None
    sparse_score: float | None = None
    """BM25."""
    fused: float = 0.0
    """The score before feedback."""
    feedback: float = 0.0
    """By which share thumbs raise or lower the score; -0.15 to 0.15."""
    votes: int = 0
    """Agents whose thumbs count for this question."""
    recency: float = 0.0
    """By which share its age lowers the score; 0 or below."""
    rerank: float | None = None
    """How well a model judged it to answer, 0 to 10; None: none was asked about it."""
    support: float = 0.0
    """How firmly its words speak for an answer; compared with the threshold that tells whether the sources answer."""


class Hit(Struct, frozen=True, kw_only=True):
    """A found Document with its best Chunk, and why it stands where it stands."""

    document_id: str
    doc_type: DocType
    platform: str
    original_id: str
    title: str
    url: str | None
    status: str | None
    language: str
    updated_at: datetime
    chunk: Chunk
    other_chunks: tuple[Chunk, ...] = ()
    score: float
    coverage: float
    """Share (0 to 1) of the question's informative terms that the Document's found chunks have."""
    explanation: tuple[str, ...] = ()
    """Short sentences for people, such as `3 of 4 terms matched`."""
    why: Why = Why()


class SearchResult(Struct, frozen=True, kw_only=True):
    """Hits in order, and whether they are good enough to answer from."""

    hits: tuple[Hit, ...]
    answerable: bool
    """False: nothing found is about the question; say so instead of answering."""
    took_ms: float
    support: float = 0.0
    """Of the Document whose words speak most firmly for an answer; what `answerable` is told by."""
    cosine: float | None = None
    """The nearest meaning, where dense vectors take part; likewise."""
    degraded: Code | None = None
    """Why meaning took no part though it weighs: the embedder's error. The question's words alone found this."""
