"""All ports in one handle, as `bootstrap.py` builds it; use cases and the pipeline take it."""

from dataclasses import dataclass

from backend.core.ports.blobs import BlobStores
from backend.core.ports.cipher import Cipher
from backend.core.ports.compute import Compute
from backend.core.ports.database import Database
from backend.core.ports.extract import TextExtractor
from backend.core.ports.llm import ChatModel, Embedder
from backend.core.ports.meter import Meter
from backend.core.ports.queue import JobQueue
from backend.core.ports.source import SourceFactory
from backend.core.ports.vectors import VectorIndexes
from backend.core.text.sparse import SparseEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Values from the settings that the core works by; `settings.py` says what each means."""

    failed_share: float = 0.2
    delete_share: float = 0.15
    attachment_max_bytes: int = 20_000_000
    question_max_chars: int = 4_000
    dense_weight: float = 0.0
    sparse_weight: float = 1.0
    answer_min_coverage: float = 0.6
    answer_min_cosine: float = 0.35
    llm_concurrency: int = 8
    token_minutes: int = 60
    schedule_min_seconds: int = 300
    schedule_jitter_seconds: int = 120
    schedule_tick_seconds: float = 15.0
    max_runs: int = 8
    reconcile_days: float = 7.0
    stalled_minutes: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which model plays which role (SPEC C6)."""

    summarize: ChatModel
    generate: ChatModel
    reason: ChatModel
    embed: Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a use case may reach. Tenants' data only through `database.open`, `blobs.open`, `indexes.open`."""

    database: Database
    blobs: BlobStores
    indexes: VectorIndexes
    cipher: Cipher
    sources: SourceFactory
    extractor: TextExtractor
    models: Models
    encoder: SparseEncoder
    queue: JobQueue
    compute: Compute
    meter: Meter
    policy: Policy
