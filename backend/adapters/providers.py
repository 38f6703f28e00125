"""Models by the names in the settings: each made once, counted, timed, guarded by its circuit breaker, masked where it must be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from typing import Final

from msgspec import structs
from pydantic import SecretStr

from backend.adapters.circuit import Circuit, GuardedChat, GuardedEmbedder, GuardedReranker
from backend.adapters.fallback import FallbackChat
from backend.adapters.langchain.asking import AskingChat
from backend.adapters.langchain.calls import Access, cost_of, parse_prices
from backend.adapters.langchain.chat import LangChainChat
from backend.adapters.langchain.claude import ClaudeChat
from backend.adapters.langchain.embed import LangChainEmbedder
from backend.adapters.langchain.gemini import GeminiChat
from backend.adapters.langchain.native import NativeChat
from backend.adapters.masked import MaskedChat, MaskedEmbedder, MaskedReranker
from backend.adapters.metered import MeteredChat, MeteredEmbedder, MeteredReranker
from backend.adapters.offline.chat import OfflineChat
from backend.adapters.offline.embed import HashingEmbedder
from backend.adapters.reranking import PROVIDER, HttpReranker
from backend.core.errors import AppError, Code
from backend.core.model.budget import Usage
from backend.core.model.personal import ALL_KINDS, Kind
from backend.core.model.search import Makers
from backend.core.model.tenant import Secret
from backend.core.ports.compute import Compute
from backend.core.ports.llm import ChatModel, Embedder, Reranker
from backend.core.ports.meter import Meter
from backend.core.ports.services import Encoders, Models
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import Tokenizer, make_tokenizer
from backend.observability.logging import register_secret
from backend.settings import Settings

Close = Callable[[], Awaitable[None]]


class Providers:
    """Makes models by their names, each client once: roles with the same model share it and its limit of calls at once."""

    def __init__(self, settings: Settings, tokenizer: Tokenizer, meter: Meter, compute: Compute) -> None:
        self._settings = settings
        self._compute = compute
        self._tokenizer = tokenizer
        self._meter = meter
        self._chats: dict[str, ChatModel] = {}
        self._older: dict[str, Embedder | None] = {}
        self.closers: list[Close] = []
        self.circuits: list[Circuit] = []
        try:
            self._prices = parse_prices(settings.llm_prices)
        except ValueError as error:
            raise AppError(Code.INVALID_REQUEST, f"DESKLORE_LLM_PRICES: {error} (see docs/settings.md).") from None

    def models(self, embedder: Embedder) -> Models:
        """Masked where a text leaves the machine, and beside them the bare ones for tenants that want those."""
        settings = self._settings
        bare = Models(
            summarize=self.with_fallback(settings.summarize_model, settings.summarize_fallback),
            generate=self.with_fallback(settings.generate_model, settings.generate_fallback),
            reason=self.with_fallback(settings.reason_model, settings.reason_fallback),
            embed=embedder,
            rerank=self._reranker(),
        )
        if bare.rerank is None and all(model.provider == "offline" for model in (bare.summarize, bare.generate, bare.reason, bare.embed)):
            return bare
        return replace(_masked_models(bare, ALL_KINDS), unmasked=bare, masking_only=partial(_masked_models, bare))

    async def older(self, makers: Makers, *, masked: frozenset[Kind]) -> Encoders | None:
        """What asks an index that was made with other settings; its embedder is None where it can't be had any more.

        None where this version cuts no text as those makers did.
        """
        encoder = _encoder(makers.encoder)
        if encoder is None:
            return None
        if makers.id not in self._older:
            self._older[makers.id] = await self._older_embedder(makers) if makers.dense else None
        embedder = self._older[makers.id]
        return Encoders(encoder=encoder, embed=_masked_embedder(embedder, masked) if embedder is not None and masked else embedder)

    async def _older_embedder(self, makers: Makers) -> Embedder | None:
        name = "offline" if makers.provider == "offline" else f"{makers.provider}:{makers.model}"
        try:
            embedder = await self._make_embedder(name, makers.dimension)
        except AppError:
            # Its key was taken out of the settings, or its server is gone: the words are left.
            return None
        as_before = (embedder.provider, embedder.model, embedder.dimension) == (makers.provider, makers.model, makers.dimension)
        return embedder if as_before else None

    def with_fallback(self, name: str, fallback: str | None) -> ChatModel:
        """The model of this name, and behind it the one that is asked where it is down."""
        first = self._chat(name)
        if fallback is None or name == "offline":
            return first
        return FallbackChat(first, self._chat(fallback, second=True), self._meter)

    def _chat(self, name: str, *, second: bool = False) -> ChatModel:
        """The model of this name, counted, timed and behind its circuit breaker."""
        # The same name may mean another server where it is a fall-back.
        known = f"{name} of the second provider" if second and name.startswith("openai:") and self._settings.fallback_base_url else name
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
        return await self._make_embedder(self._settings.embed_model, self._settings.embed_dimension)

    async def _make_embedder(self, name: str, dimension: int | None) -> Embedder:
        settings = self._settings
        if name == "offline":
            return MeteredEmbedder(HashingEmbedder(dimension or 384), self._meter)
        key, base_url = settings.embed_api_key or settings.openai_api_key, settings.embed_base_url or settings.openai_base_url
        access = _access(settings, name, key=key, base_url=base_url)
        embedder = LangChainEmbedder(access, dimension=dimension, prices=self._prices)
        await embedder.learn_dimension()
        self.closers.append(embedder.close)
        return GuardedEmbedder(MeteredEmbedder(embedder, self._meter), self._circuit(embedder.provider, embedder.model))

    def _reranker(self) -> Reranker | None:
        """The cross-encoder that the settings name."""
        settings = self._settings
        if settings.rerank_model is None:
            return None
        if settings.rerank_base_url is None:
            raise AppError(Code.INVALID_REQUEST, "DESKLORE_RERANK_MODEL needs DESKLORE_RERANK_BASE_URL, the address of its server.")
        name = f"{PROVIDER}:{settings.rerank_model}"
        access = _reached(settings, name, key=settings.rerank_api_key, base_url=settings.rerank_base_url)
        reranker = HttpReranker(structs.replace(access, timeout=settings.rerank_timeout_seconds), prices=self._prices)
        self.closers.append(reranker.close)
        return GuardedReranker(MeteredReranker(reranker, self._meter), self._circuit(PROVIDER, reranker.model))

    def offline(self) -> ChatModel:
        """The one on this machine."""
        return self._chat("offline")

    def client(self, access: Access) -> AskingChat:
        """A model of its own for somebody else's access, uncounted and unguarded; whoever asks closes it.

        Raises INVALID_REQUEST where the provider is unknown or an extra is missing.
        """
        native = _NATIVE.get(access.provider)
        if native is None:
            if access.provider != "openai":
                raise AppError(Code.INVALID_REQUEST, f"{access.provider!r} is no provider: choose offline, openai, anthropic or google.")
            return LangChainChat(access, prices=self._prices)
        _need_extra(native, f"{access.provider}:{access.model}")
        return native.chat(access, prices=self._prices)

    def _make_chat(self, name: str, *, second: bool) -> ChatModel:
        if name == "offline":
            return OfflineChat(self._tokenizer, self._compute)
        settings = self._settings
        native = _NATIVE.get(name.partition(":")[0])
        if native is not None:
            return self._make_native(name, native)
        key, base_url = settings.openai_api_key, settings.openai_base_url
        if second and settings.fallback_base_url is not None:
            # The first provider's key is not shown to another one.
            key, base_url = settings.fallback_api_key, settings.fallback_base_url
        access = _access(settings, name, key=key, base_url=base_url)
        chat = LangChainChat(access, prices=self._prices)
        self.closers.append(chat.close)
        return chat

    def _make_native(self, name: str, native: "_Native") -> ChatModel:
        settings = self._settings
        if not name.partition(":")[2]:
            raise AppError(Code.INVALID_REQUEST, f"{name!r} is no model: write `{native.extra}:<model>` (see docs/settings.md).")
        _need_extra(native, name)
        key = settings.anthropic_api_key if native.extra == "anthropic" else settings.google_api_key
        base_url = settings.anthropic_base_url if native.extra == "anthropic" else settings.google_base_url
        if key is None and base_url is None:
            raise AppError(Code.INVALID_REQUEST, f"{name} needs {native.extra.upper()}_API_KEY.")
        chat = native.chat(_reached(settings, name, key=key, base_url=base_url), prices=self._prices)
        self.closers.append(chat.close)
        return chat


@dataclass(frozen=True, slots=True)
class _Native:
    """A provider with an API of its own."""

    extra: str
    package: str
    chat: type[NativeChat]


_NATIVE: Final = {
    "anthropic": _Native("anthropic", "langchain_anthropic", ClaudeChat),
    "google": _Native("google", "langchain_google_genai", GeminiChat),
}


def _need_extra(native: _Native, name: str) -> None:
    # Whether it is there is asked without loading it, which takes a second or two.
    if find_spec(native.package) is None:
        raise AppError(Code.INVALID_REQUEST, f"{name} needs an extra: pip install 'desklore[{native.extra}]'.")


def _access(settings: Settings, name: str, *, key: SecretStr | None, base_url: str | None) -> Access:
    provider, _, model = name.partition(":")
    if provider in _NATIVE:
        raise AppError(Code.INVALID_REQUEST, f"{name} makes no vectors here: write `offline` or `openai:<model>` (see docs/settings.md).")
    if provider != "openai" or not model:
        known = "`offline`, `openai:<model>`, `anthropic:<model>` or `google:<model>`"
        raise AppError(Code.INVALID_REQUEST, f"{name!r} is no model: write {known} (see docs/settings.md).")
    if key is None and base_url is None:
        raise AppError(Code.INVALID_REQUEST, f"{name} needs OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server.")
    return _reached(settings, name, key=key, base_url=base_url)


def _reached(settings: Settings, name: str, *, key: SecretStr | None, base_url: str | None) -> Access:
    provider, _, model = name.partition(":")
    return Access(
        provider=provider,
        model=model,
        api_key=None if key is None else secret_of(key),
        base_url=base_url,
        timeout=settings.llm_timeout_seconds,
        attempts=settings.llm_attempts,
        concurrency=settings.llm_concurrency,
    )


def _masked_models(bare: Models, kinds: frozenset[Kind]) -> Models:
    return Models(
        summarize=masked_chat(bare.summarize, kinds),
        generate=masked_chat(bare.generate, kinds),
        reason=masked_chat(bare.reason, kinds),
        embed=_masked_embedder(bare.embed, kinds),
        rerank=None if bare.rerank is None else MaskedReranker(bare.rerank, kinds),
    )


def masked_chat(chat: ChatModel, kinds: frozenset[Kind]) -> ChatModel:
    """What runs in this process sees texts as they are."""
    return chat if chat.provider == "offline" else MaskedChat(chat, kinds)


def _masked_embedder(embedder: Embedder, kinds: frozenset[Kind]) -> Embedder:
    return embedder if embedder.provider == "offline" else MaskedEmbedder(embedder, kinds)


@cache
def _encoder(wanted: str) -> SparseEncoder | None:
    """The term encoder with this id; None where its tokenizer is not installed, or cuts otherwise by now."""
    for name in ("bigram", "kiwi"):
        if wanted.startswith(name):
            try:
                encoder = SparseEncoder(make_tokenizer(name))
            except ImportError:
                return None
            return encoder if encoder.id == wanted else None
    return None


def secret_of(value: SecretStr) -> Secret:
    """The secret of a setting; from now on the log never shows it."""
    register_secret(value.get_secret_value())
    return Secret(value.get_secret_value())
