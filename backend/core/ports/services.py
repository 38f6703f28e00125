"""All ports in one handle, as `bootstrap.py` builds it; use cases and the pipeline take it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.model.budget import Usage
from backend.core.ports.blobs import BlobStores
from backend.core.ports.cache import Caches
from backend.core.ports.cipher import Cipher
from backend.core.ports.compute import Compute
from backend.core.ports.database import Database
from backend.core.ports.extract import TextExtractor
from backend.core.ports.flights import Flights
from backend.core.ports.llm import ChatModel, CircuitView, Embedder
from backend.core.ports.meter import Meter
from backend.core.ports.queue import JobQueue
from backend.core.ports.source import SourceFactory
from backend.core.ports.vectors import VectorIndexes
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
    question_max_chars: int = 4_000
    dense_weight: float = 0.0
    sparse_weight: float = 1.0
    answer_min_coverage: float = 0.6
    answer_min_cosine: float = 0.35
    llm_concurrency: int = 8
    token_minutes: int = 60
    init_wait_seconds: float = 2.0
    stalled_minutes: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which model plays which role (SPEC C6)."""

    summarize: ChatModel
    generate: ChatModel
    reason: ChatModel
    embed: Embedder
    unmasked: "Models | None" = None
    """The same for a tenant that switched masking off; None where nothing leaves the machine. Ask `Services.models_of`."""


class Spending(Protocol):
    """Binds models to the tenant who pays: each call is admitted by the tenant's budget and booked on it."""

    def bind(self, models: Models, company_id: str) -> Models:
        """The same models for this tenant; their calls also raise LLM_BUDGET_USED_UP."""
        ...

    def cost_of(self, model: str, input_tokens: int, output_tokens: int) -> Usage:
        """What a call costs; `unpriced_calls` where nobody knows."""
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
    sources: SourceFactory
    extractor: TextExtractor
    models: Models
    encoder: SparseEncoder
    queue: JobQueue
    caches: Caches
    flights: Flights
    compute: Compute
    meter: Meter
    policy: Policy
    spending: Spending
    circuits: Sequence[CircuitView] = ()
    """One for each model of a provider."""

    async def models_of(self, company_id: str) -> Models:
        """The models as this tenant wants and may call them: masked unless it says otherwise, within its budget, paid by it.

        A tenant that is unknown has its personal data masked.
        """
        models = self.models
        if models.unmasked is not None:
            async with self.database.directory() as directory:
                tenant = await directory.get_tenant(company_id)
            models = models if tenant is None or tenant.masking else models.unmasked
        return self.spending.bind(models, company_id)
