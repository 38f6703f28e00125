"""All ports in one handle, as `bootstrap.py` builds it; use cases and the pipeline take it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from backend.core.model.answer import Completion
from backend.core.model.budget import Usage
from backend.core.model.personal import ALL_KINDS, Kind
from backend.core.model.provider import ModelRole, OwnProvider
from backend.core.model.retention import Retention
from backend.core.model.search import Makers
from backend.core.model.tenant import Secret, Tenant
from backend.core.ports.blobs import BlobStores
from backend.core.ports.cache import Cache, Caches
from backend.core.ports.cipher import Cipher
from backend.core.ports.compute import Compute
from backend.core.ports.counted import CountedCache
from backend.core.ports.database import Database
from backend.core.ports.exports import Exporter
from backend.core.ports.extract import TextExtractor
from backend.core.ports.files import FileTools
from backend.core.ports.flights import Flights
from backend.core.ports.llm import ChatModel, CircuitView, Embedder, Reranker
from backend.core.ports.meter import Meter
from backend.core.ports.queue import JobQueue
from backend.core.ports.secrets import SecretStore
from backend.core.ports.source import SourceFactory
from backend.core.ports.streams import Streams
from backend.core.ports.vectors import VectorIndexes
from backend.core.ports.webhook import WebhookFormat
from backend.core.text.sparse import SparseEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Values from the settings that the core works by; `settings.py` says what each means."""

    failed_share: float = 0.2
    reserved_share: float = 0.1
    delete_share: float = 0.15
    scheduled_runs: int = 8
    reconcile_days: int = 7
    attachment_max_bytes: int = 20_000_000
    import_max_bytes: int = 20_000_000_000
    question_max_chars: int = 4_000
    dense_weight: float = 0.0
    sparse_weight: float = 1.0
    half_life_days: float = 0.0
    rerank_hits: int = 0
    answer_min_coverage: float = 0.6
    answer_min_cosine: float = 0.35
    llm_concurrency: int = 8
    token_minutes: int = 60
    init_wait_seconds: float = 2.0
    briefs_ahead: int = 0
    question_vector_seconds: float = 5.0
    stalled_minutes: float = 10.0
    blob_redirect_seconds: int = 0
    upload_max_bytes: int = 1_073_741_824
    answer_seconds: float = 300.0
    answers_at_once: int = 200
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which model plays which role (SPEC C6)."""

    summarize: ChatModel
    generate: ChatModel
    reason: ChatModel
    embed: Embedder
    rerank: Reranker | None = None
    """Judges the best hits; where there is none, `reason` does."""
    unmasked: "Models | None" = None
    """The same for a tenant that switched masking off; None where nothing leaves the machine. Ask `Services.models_of`."""
    masking_only: "Callable[[frozenset[Kind]], Models] | None" = None
    """The same for a tenant that chose which kinds of personal data are masked; where it is None, all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoders:
    """What turns a text into vectors like those of an index."""

    encoder: SparseEncoder
    embed: Embedder | None = None
    """None where the index has no dense vectors, or the embedder that made them can't be had any more."""


class EncodersOf(Protocol):
    """Finds what made the vectors of an older index."""

    async def __call__(self, makers: Makers, *, masked: frozenset[Kind]) -> Encoders | None:
        """None where its terms were cut in a way that this version does not know any more."""
        ...


class Spending(Protocol):
    """Binds models to the tenant who pays: each call is admitted by the tenant's budget and booked on it."""

    def bind(self, models: Models, company_id: str) -> Models:
        """The same models for this tenant; their calls also raise LLM_BUDGET_USED_UP."""
        ...

    def cost_of(self, model: str, input_tokens: int, output_tokens: int) -> Usage:
        """What a call costs; `unpriced_calls` where nobody knows."""
        ...


class OwnModels(Protocol):
    """Models that tenants bring themselves: each with a client, a circuit breaker and a limit of calls of its own."""

    async def check(self, wanted: OwnProvider, key: Secret | None) -> None:
        """Whether it may be used, from what is written alone. Raises FORBIDDEN, INVALID_REQUEST or HOST_NOT_ALLOWED."""
        ...

    async def ask(self, wanted: OwnProvider, key: Secret | None) -> Completion:
        """One small call, to see that it works: within seconds. Raises AppError with an LLM_* code."""
        ...

    async def put_in(self, models: Models, tenant: Tenant) -> Models:
        """The tenant's own models in their roles, masked as the tenant wants; what it had set before is let go of."""
        ...

    def circuits(self, tenant: Tenant) -> Mapping[ModelRole, CircuitView]:
        """How those stand that this process has called since they were set."""
        ...

    async def forget(self, company_id: str) -> None:
        """Let go of the tenant's clients, and of its keys with them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a use case may reach. Tenants' data only through `database.open`, `blobs.open`, `indexes.open`.

    `models` tells which there are, and always mask personal data; call those that `models_of` gives.
    """

    database: Database
    blobs: BlobStores
    indexes: VectorIndexes
    cipher: Cipher
    secrets: SecretStore
    exporter: Exporter
    sources: SourceFactory
    extractor: TextExtractor
    models: Models
    encoder: SparseEncoder
    queue: JobQueue
    caches: Caches
    flights: Flights
    streams: Streams
    compute: Compute
    meter: Meter
    policy: Policy
    spending: Spending
    own: OwnModels
    older: EncodersOf
    circuits: Sequence[CircuitView] = ()
    """One for each model of a provider."""
    webhooks: Mapping[str, WebhookFormat] = field(default_factory=dict)
    """By platform; those that are missing have none."""
    files: FileTools | None = None

    def kept(self, company_id: str, cache: str) -> Cache:
        """The tenant's cache, its look-ups counted under the name of what is kept in it."""
        return CountedCache(self.caches.open(company_id), self.meter, cache)

    async def encoders_of(self, company_id: str, makers: Makers) -> Encoders | None:
        """What asks an index that these made, paid by this tenant; None where nothing can any more."""
        # Vectors are the installation's for everybody; where nothing is masked, nothing has to be known of the tenant.
        tenant = await self._tenant(company_id) if self.models.unmasked is not None else None
        models = self._masked(tenant)
        if makers == self.indexes.makers:
            return Encoders(encoder=self.encoder, embed=self.spending.bind(models, company_id).embed if makers.dense else None)
        found = await self.older(makers, masked=_masked_kinds(tenant or await self._tenant(company_id)))
        if found is None or found.embed is None:
            return found
        return Encoders(encoder=found.encoder, embed=self.spending.bind(replace(models, embed=found.embed), company_id).embed)

    async def models_of(self, company_id: str) -> Models:
        """The models as this tenant wants and may call them: its own where it brings some, masked unless it says otherwise, paid by it.

        A tenant that is unknown has its personal data masked. What it changes holds from the next time this is asked, in every process.
        """
        tenant = await self._tenant(company_id)
        models = self._masked(tenant)
        if tenant is not None:
            models = await self.own.put_in(models, tenant)
        return self.spending.bind(models, company_id)

    def _masked(self, tenant: Tenant | None) -> Models:
        """The installation's models as they are masked for this tenant."""
        models = self.models
        if models.unmasked is None:
            return models
        kinds = _masked_kinds(tenant)
        if not kinds:
            return models.unmasked
        return models if kinds == ALL_KINDS or models.masking_only is None else models.masking_only(kinds)

    async def _tenant(self, company_id: str) -> Tenant | None:
        async with self.database.directory() as directory:
            return await directory.get_tenant(company_id)


def _masked_kinds(tenant: Tenant | None) -> frozenset[Kind]:
    if tenant is None:
        return ALL_KINDS
    return tenant.masked_kinds if tenant.masking else frozenset()
