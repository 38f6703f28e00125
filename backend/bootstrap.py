"""Settings in, services out: the only file that names concrete classes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pydantic import SecretStr

from backend.adapters.budgeted import BudgetedModels
from backend.adapters.compute import ProcessCompute
from backend.adapters.file.extract.process import ProcessExtractor
from backend.adapters.file.opening import FilePlaces
from backend.adapters.file.preview import LocalFileTools
from backend.adapters.http.client import Patience
from backend.adapters.own import OwnProviders
from backend.adapters.providers import Providers, secret_of
from backend.adapters.registry import EXPORT_READERS, SourceRegistry
from backend.adapters.webhooks import WEBHOOKS
from backend.core.model.auth import AuthConfig
from backend.core.model.retention import Retention
from backend.core.model.search import Makers
from backend.core.model.tenant import Secret
from backend.core.ports.llm import Embedder
from backend.core.ports.rates import Rates
from backend.core.ports.services import Policy, Services
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import make_tokenizer
from backend.observability.logging import register_secret
from backend.observability.metrics import PrometheusMeter
from backend.settings import Settings
from backend.storage.keeping import keep
from backend.storage.moving.export import ZipExporter
from backend.storage.qdrant.choose import choose_indexes
from backend.storage.secrets.keyfile import load_or_make_secret
from backend.storage.sharing import share
from backend.storage.sql.prepare import prepare
from backend.storage.sql.unit_of_work import SqlDatabase

Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Services ready for use, what guards them, and how to let go of them."""

    services: Services
    auth: AuthConfig
    meter: PrometheusMeter
    rates: Rates
    _closers: list[Close] = field(default_factory=list)
    _claim: Close | None = None

    async def claim(self) -> None:
        """Take hold of what only one process may have. Raises INDEX_UNAVAILABLE where another one has it."""
        if self._claim is not None:
            await self._claim()

    async def close(self) -> None:
        """Let go of files, processes and connections, in the reverse order of opening."""
        for close in reversed(self._closers):
            await close()


async def build(settings: Settings) -> Built:
    """Everything the settings ask for, with the tables up to date.

    Raises AppError with what to do where a part can't be had, such as an embedding model whose vector length nobody knows.
    """
    url = await prepare(settings)
    meter = PrometheusMeter()
    encoder = SparseEncoder(make_tokenizer(settings.tokenizer.value))
    compute = ProcessCompute(_compute_processes(settings))
    providers = Providers(settings, encoder.tokenizer, meter, compute)
    embedder = await providers.embedder()
    shared = share(settings, meter)
    kept = await asyncio.to_thread(keep, settings)
    database = SqlDatabase(url, shared.queue.enqueue, pool_size=settings.database_pool_size)
    policy = _policy(settings, embedder)
    chosen = choose_indexes(settings, _makers(policy, encoder, embedder), database)
    extractor = ProcessExtractor(settings.attachment_seconds, settings.attachment_memory_mb, settings.attachment_text_max_chars)
    services = Services(
        database=database,
        blobs=kept.blobs,
        indexes=chosen.indexes,
        cipher=kept.cipher,
        secrets=kept.secrets,
        exporter=ZipExporter(url, kept.blobs),
        sources=SourceRegistry(
            settings.allowed_hosts,
            settings.connector_concurrency,
            Patience(seconds=settings.connector_timeout_seconds, attempts=settings.connector_attempts),
            shared.budgets,
            files=FilePlaces(settings.roots_of_files, kept.blobs, compute=compute),
        ),
        extractor=extractor,
        models=providers.models(embedder),
        encoder=encoder,
        queue=shared.queue,
        caches=shared.caches,
        flights=shared.flights,
        streams=shared.streams,
        compute=compute,
        meter=meter,
        policy=policy,
        spending=BudgetedModels(database, meter, providers.cost_of),
        own=OwnProviders(settings, providers, kept.secrets, meter),
        older=providers.older,
        circuits=providers.circuits,
        webhooks=WEBHOOKS,
        files=LocalFileTools(EXPORT_READERS),
    )
    return Built(
        services=services,
        auth=_auth(settings),
        meter=meter,
        rates=shared.rates,
        # What is under way ends first, for it needs all the others; last the database, where it is written down.
        _closers=[*kept.closers, database.close, *providers.closers, chosen.indexes.close, extractor.close, compute.close, *shared.closers],
        _claim=chosen.claim,
    )


def _makers(policy: Policy, encoder: SparseEncoder, embedder: Embedder) -> Makers:
    """Vectors that don't weigh are not made: the offline stand-in's would cost time and find nothing more (docs/decisions/0007)."""
    if policy.dense_weight <= 0:
        return Makers(encoder=encoder.id)
    return Makers(encoder=encoder.id, provider=embedder.provider, model=embedder.model, dimension=embedder.dimension)


def _compute_processes(settings: Settings) -> int:
    """On one core another process would only stand in the way."""
    if settings.compute_processes is not None:
        return settings.compute_processes
    return 2 if (os.cpu_count() or 1) > 1 else 0


def _policy(settings: Settings, embedder: Embedder) -> Policy:
    return Policy(
        failed_share=settings.failed_share,
        reserved_share=settings.connector_reserved_share,
        delete_share=settings.delete_share,
        scheduled_runs=settings.scheduled_runs,
        reconcile_days=settings.reconcile_days,
        attachment_max_bytes=settings.attachment_max_bytes,
        import_max_bytes=settings.import_max_bytes,
        question_max_chars=settings.question_max_chars,
        dense_weight=settings.dense_weight if settings.dense_weight is not None else float(embedder.semantic),
        sparse_weight=settings.sparse_weight,
        half_life_days=settings.half_life_days,
        rerank_hits=settings.rerank_hits,
        answer_min_coverage=settings.answer_min_coverage,
        answer_min_cosine=settings.answer_min_cosine,
        llm_concurrency=settings.llm_concurrency,
        token_minutes=settings.token_minutes,
        init_wait_seconds=settings.init_wait_seconds,
        briefs_ahead=settings.briefs_ahead,
        question_vector_seconds=settings.question_vector_seconds,
        stalled_minutes=settings.stalled_minutes,
        blob_redirect_seconds=settings.blob_redirect_seconds,
        upload_max_bytes=settings.file_upload_max_bytes,
        answer_seconds=settings.answer_seconds,
        answers_at_once=settings.answers_at_once,
        retention=Retention(
            run_days=settings.run_days,
            export_days=settings.export_days,
            archive_days=settings.archive_days,
            usage_months=settings.usage_months,
            audit_months=settings.audit_months,
            answer_months=settings.answer_months,
            paid_months=settings.paid_months,
        ),
    )


def _auth(settings: Settings) -> AuthConfig:
    return AuthConfig(
        operator_key=_kept(settings, settings.operator_key, "operator_key"),
        jwt_secret=_kept(settings, settings.jwt_secret, "jwt_secret"),
        key_pepper=_kept(settings, settings.key_pepper, "key_pepper"),
        token_minutes=settings.token_minutes,
    )


def _kept(settings: Settings, given: SecretStr | None, name: str) -> Secret:
    """The secret from the settings; in development one that is made once and kept beside the data."""
    if given is not None:
        return secret_of(given)
    value = load_or_make_secret(settings.data_dir / "secrets" / name)
    register_secret(value)
    return Secret(value)
