"""Settings in, services out: the only file that names concrete classes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from pydantic import SecretStr

from backend.adapters.budgeted import BudgetedModels
from backend.adapters.circuit import Circuit, GuardedChat, GuardedEmbedder
from backend.adapters.compute import ProcessCompute
from backend.adapters.fallback import FallbackChat
from backend.adapters.file.extract.process import ProcessExtractor
from backend.adapters.http.client import Patience
from backend.adapters.langchain.calls import Access, cost_of, parse_prices
from backend.adapters.langchain.chat import LangChainChat
from backend.adapters.langchain.embed import LangChainEmbedder
from backend.adapters.masked import MaskedChat, MaskedEmbedder
from backend.adapters.metered import MeteredChat, MeteredEmbedder
from backend.adapters.offline.chat import OfflineChat
from backend.adapters.offline.embed import HashingEmbedder
from backend.adapters.registry import SourceRegistry
from backend.core.errors import AppError, Code
from backend.core.model.auth import AuthConfig
from backend.core.model.budget import Usage
from backend.core.model.tenant import Secret
from backend.core.ports.compute import Compute
from backend.core.ports.llm import ChatModel, Embedder
from backend.core.ports.meter import Meter
from backend.core.ports.rates import Rates
from backend.core.ports.services import Models, Policy, Services
from backend.core.ports.vectors import VectorIndexes
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import Tokenizer, make_tokenizer
from backend.observability.logging import register_secret
from backend.observability.metrics import PrometheusMeter
from backend.settings import Settings
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.qdrant.absent import AbsentIndexes
from backend.storage.qdrant.collections import fingerprint
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.secrets.keyfile import load_or_make_master_key, load_or_make_secret, parse_master_keys
from backend.storage.secrets.local import LocalCipher
from backend.storage.sharing import share
from backend.storage.sql.engine import upgrade
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
    data = settings.data_dir
    # Customers' words lie in there: nobody else on the machine has a business with them.
    await asyncio.to_thread(data.mkdir, mode=0o700, parents=True, exist_ok=True)
    url = f"sqlite+aiosqlite:///{(data / 'desklore.db').resolve()}"
    await asyncio.to_thread(upgrade, url)
    meter = PrometheusMeter()
    tokenizer = make_tokenizer(settings.tokenizer.value)
    encoder = SparseEncoder(tokenizer)
    compute = ProcessCompute(_compute_processes(settings))
    providers = _Providers(settings, tokenizer, meter, compute)
    embedder = await providers.embedder()
    shared = share(settings, meter)
    database = SqlDatabase(url, shared.queue.enqueue)
    policy = _policy(settings, embedder)
    # Vectors that don't weigh are not made: the offline stand-in's would cost time and find nothing more (docs/decisions/0007).
    dense = policy.dense_weight > 0
    made_by = (
        fingerprint(embedder.provider, embedder.model, embedder.dimension, encoder.id) if dense else fingerprint("terms", "", 0, encoder.id)
    )
    embedded = (
        EdgeIndexes(data / "index", embedder.dimension, made_by, with_dense=dense) if settings.run_jobs else None
    )  # one process's alone
    indexes: VectorIndexes = embedded or AbsentIndexes()
    extractor = ProcessExtractor(settings.attachment_seconds, settings.attachment_memory_mb, settings.attachment_text_max_chars)
    services = Services(
        database=database,
        blobs=LocalBlobStores(data / "blobs"),
        indexes=indexes,
        cipher=LocalCipher(_master_keys(settings)),
        sources=SourceRegistry(
            settings.allowed_hosts,
            settings.connector_concurrency,
            Patience(seconds=settings.connector_timeout_seconds, attempts=settings.connector_attempts),
            shared.budgets,
        ),
        extractor=extractor,
        models=_models(settings, providers, embedder),
        encoder=encoder,
        queue=shared.queue,
        caches=shared.caches,
        flights=shared.flights,
        compute=compute,
        meter=meter,
        policy=policy,
        spending=BudgetedModels(database, meter, providers.cost_of),
        circuits=providers.circuits,
    )
    return Built(
        services=services,
        auth=_auth(settings),
        meter=meter,
        rates=shared.rates,
        _closers=[*shared.closers, *providers.closers, database.close, indexes.close, extractor.close, compute.close],
        _claim=None if embedded is None else partial(asyncio.to_thread, embedded.shards.claim),
    )


def _models(settings: Settings, providers: "_Providers", embedder: Embedder) -> Models:
    """Masked where a text leaves the machine, and beside them the bare ones for tenants that want those."""
    bare = Models(
        summarize=providers.with_fallback(settings.summarize_model, settings.summarize_fallback),
        generate=providers.with_fallback(settings.generate_model, settings.generate_fallback),
        reason=providers.with_fallback(settings.reason_model, settings.reason_fallback),
        embed=embedder,
    )
    if all(model.provider == "offline" for model in (bare.summarize, bare.generate, bare.reason, bare.embed)):
        return bare
    return Models(
        summarize=_masked(bare.summarize),
        generate=_masked(bare.generate),
        reason=_masked(bare.reason),
        embed=bare.embed if bare.embed.provider == "offline" else MaskedEmbedder(bare.embed),
        unmasked=bare,
    )


def _masked(chat: ChatModel) -> ChatModel:
    """What runs in this process sees texts as they are."""
    return chat if chat.provider == "offline" else MaskedChat(chat)


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
        question_max_chars=settings.question_max_chars,
        dense_weight=settings.dense_weight if settings.dense_weight is not None else float(embedder.semantic),
        sparse_weight=settings.sparse_weight,
        answer_min_coverage=settings.answer_min_coverage,
        answer_min_cosine=settings.answer_min_cosine,
        llm_concurrency=settings.llm_concurrency,
        token_minutes=settings.token_minutes,
        init_wait_seconds=settings.init_wait_seconds,
        stalled_minutes=settings.stalled_minutes,
    )


class _Providers:
    """Makes models by their names, each client once: roles with the same model share it and its limit of calls at once."""

    def __init__(self, settings: Settings, tokenizer: Tokenizer, meter: Meter, compute: Compute) -> None:
        self._settings = settings
        self._compute = compute
        self._tokenizer = tokenizer
        self._meter = meter
        self._chats: dict[str, ChatModel] = {}
        self.closers: list[Close] = []
        self.circuits: list[Circuit] = []
        try:
            self._prices = parse_prices(settings.llm_prices)
        except ValueError as error:
            raise AppError(Code.INVALID_REQUEST, f"DESKLORE_LLM_PRICES: {error} (see docs/settings.md).") from None

    def with_fallback(self, name: str, fallback: str | None) -> ChatModel:
        """The model of this name, and behind it the one that is asked where it is down."""
        first = self._chat(name)
        if fallback is None or name == "offline":
            return first
        return FallbackChat(first, self._chat(fallback, second=True), self._meter)

    def _chat(self, name: str, *, second: bool = False) -> ChatModel:
        """The model of this name, counted, timed and behind its circuit breaker."""
        # The same name may mean another server where it is a fall-back.
        known = f"{name} of the second provider" if second and name != "offline" and self._settings.fallback_base_url else name
        if known not in self._chats:
            made = MeteredChat(self._make_chat(name, second=second), self._meter)
            self._chats[known] = made if name == "offline" else GuardedChat(made, self._circuit(made.provider, made.model))
        return self._chats[known]

    def _circuit(self, provider: str, model: str) -> Circuit:
        settings = self._settings
        circuit = Circuit(provider, model, self._meter, failures=settings.llm_circuit_failures, pause=settings.llm_circuit_seconds)
        self.circuits.append(circuit)
        return circuit

    def cost_of(self, model: str, input_tokens: int, output_tokens: int) -> Usage:
        """What a call costs by the prices in the settings."""
        return cost_of(self._prices, model, input_tokens, output_tokens)

    async def embedder(self) -> Embedder:
        """The embedder of the settings, its vector length known."""
        settings, name = self._settings, self._settings.embed_model
        if name == "offline":
            return MeteredEmbedder(HashingEmbedder(settings.embed_dimension or 384), self._meter)
        key, base_url = settings.embed_api_key or settings.openai_api_key, settings.embed_base_url or settings.openai_base_url
        access = _access(settings, name, key=key, base_url=base_url)
        embedder = LangChainEmbedder(access, dimension=settings.embed_dimension, prices=self._prices)
        await embedder.learn_dimension()
        self.closers.append(embedder.close)
        return GuardedEmbedder(MeteredEmbedder(embedder, self._meter), self._circuit(embedder.provider, embedder.model))

    def _make_chat(self, name: str, *, second: bool) -> ChatModel:
        if name == "offline":
            return OfflineChat(self._tokenizer, self._compute)
        settings = self._settings
        key, base_url = settings.openai_api_key, settings.openai_base_url
        if second and settings.fallback_base_url is not None:
            # The first provider's key is not shown to another one.
            key, base_url = settings.fallback_api_key, settings.fallback_base_url
        access = _access(settings, name, key=key, base_url=base_url)
        chat = LangChainChat(access, prices=self._prices)
        self.closers.append(chat.close)
        return chat


def _access(settings: Settings, name: str, *, key: SecretStr | None, base_url: str | None) -> Access:
    provider, _, model = name.partition(":")
    if provider != "openai" or not model:
        raise AppError(Code.INVALID_REQUEST, f"{name!r} is no model: write `offline` or `openai:<model>` (see docs/settings.md).")
    if key is None and base_url is None:
        raise AppError(Code.INVALID_REQUEST, f"{name} needs OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server.")
    return Access(
        provider=provider,
        model=model,
        api_key=None if key is None else _secret(key),
        base_url=base_url,
        timeout=settings.llm_timeout_seconds,
        attempts=settings.llm_attempts,
        concurrency=settings.llm_concurrency,
    )


def _auth(settings: Settings) -> AuthConfig:
    return AuthConfig(
        operator_key=_kept(settings, settings.operator_key, "operator_key"),
        jwt_secret=_kept(settings, settings.jwt_secret, "jwt_secret"),
        key_pepper=_kept(settings, settings.key_pepper, "key_pepper"),
        token_minutes=settings.token_minutes,
    )


def _master_keys(settings: Settings) -> list[tuple[str, bytes]]:
    if settings.master_keys is None:
        return [load_or_make_master_key(settings.data_dir / "secrets" / "master_key")]
    try:
        return parse_master_keys(settings.master_keys.get_secret_value())
    except ValueError as error:
        raise AppError(Code.SECRET_UNREADABLE, f"DESKLORE_MASTER_KEYS: {error}.") from None


def _kept(settings: Settings, given: SecretStr | None, name: str) -> Secret:
    """The secret from the settings; in development one that is made once and kept beside the data."""
    if given is not None:
        return _secret(given)
    value = load_or_make_secret(settings.data_dir / "secrets" / name)
    register_secret(value)
    return Secret(value)


def _secret(value: SecretStr) -> Secret:
    register_secret(value.get_secret_value())
    return Secret(value.get_secret_value())
