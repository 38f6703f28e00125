"""Models that tenants bring themselves (SPEC C6): each with a client, a circuit breaker and a limit of calls of its own."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from msgspec import Struct, structs

from backend.adapters.circuit import Circuit, GuardedChat
from backend.adapters.fallback import FallbackChat
from backend.adapters.http.reach import Reach
from backend.adapters.langchain.asking import AskingChat
from backend.adapters.langchain.calls import Access
from backend.adapters.metered import MeteredChat
from backend.adapters.providers import Providers, masked_chat
from backend.adapters.wrapped import freed
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Message, Prompt, RewriteMaterial
from backend.core.model.budget import Purpose
from backend.core.model.provider import KEPT_AS, OFFLINE, ModelRole, OwnProvider
from backend.core.model.tenant import Secret, Tenant
from backend.core.ports.llm import ChatModel, CircuitView
from backend.core.ports.meter import Meter
from backend.core.ports.secrets import SecretStore
from backend.core.ports.services import Models
from backend.settings import Settings

TRY_SECONDS: Final = 10.0
"""So long a person waits at most to hear whether a provider works."""
_IDLE_SECONDS: Final = 3_600.0
_FORBIDDEN: Final = "The operator lets no company bring its own providers (DESKLORE_OWN_PROVIDERS)."
_HELLO: Final = "Answer with the word OK and nothing else."


class _Kept(Struct):
    """What a tenant's clients were made of, and when somebody asked for them last."""

    chats: "dict[ModelRole, _Own]"
    tenant: Tenant
    """As it was when somebody asked last: its data key may be wrapped anew before a key is opened."""
    used: float


class _Own(Struct, frozen=True):
    """A role's model as it was set, and the client, circuit breaker and counters that belong to it."""

    set: OwnProvider
    keyed: "KeyedChat | None"
    circuit: Circuit | None
    chat: ChatModel


class OwnProviders:
    """OwnModels over the providers that the settings know. A key is opened at a model's first call, and leaves with its client.

    Clients of so many `tenants` at most are kept; each has connections.
    """

    def __init__(self, settings: Settings, providers: Providers, secrets: SecretStore, meter: Meter, *, tenants: int = 200) -> None:
        self._settings = settings
        self._providers = providers
        self._secrets = secrets
        self._meter = meter
        self._tenants = tenants
        self._reach = Reach(settings.allowed_provider_hosts)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        providers.closers.append(self.close)

    async def check(self, wanted: OwnProvider, key: Secret | None) -> None:
        """Whether it may be used, from what is written alone. Raises FORBIDDEN, INVALID_REQUEST or HOST_NOT_ALLOWED."""
        if not self._settings.own_providers:
            raise AppError(Code.FORBIDDEN, _FORBIDDEN)
        if wanted.provider == OFFLINE:
            if wanted.model or wanted.base_url or key is not None or wanted.fallback:
                raise AppError(Code.INVALID_REQUEST, "offline runs on this machine: give no model, base_url, api_key or fallback.")
            return
        if not wanted.model:
            raise AppError(Code.INVALID_REQUEST, f"Name the model of {wanted.provider} that shall be asked.")
        if key is None and wanted.base_url is None:
            raise AppError(Code.INVALID_REQUEST, f"{wanted.provider} needs an api_key, or the base_url of a server that asks for none.")
        if wanted.base_url is not None:
            await self._reach.check(wanted.base_url)
        self._providers.client(self._access(wanted, key))

    async def ask(self, wanted: OwnProvider, key: Secret | None) -> Completion:
        """One small call, to see that it works: within seconds. Raises AppError with an LLM_* code."""
        access = self._access(wanted, key)
        chat = self._providers.client(structs.replace(access, timeout=min(TRY_SECONDS, access.timeout), attempts=1))
        try:
            return await chat.complete(
                Prompt(
                    purpose=Purpose.REWRITE,
                    version="hello-1",
                    messages=(Message(role="user", text=_HELLO),),
                    material=RewriteMaterial(text=_HELLO, action="rephrase", language="en"),
                )
            )
        finally:
            await chat.close()

    async def put_in(self, models: Models, tenant: Tenant) -> Models:
        """The tenant's own models in their roles, masked as the tenant wants; what it had set before is let go of."""
        kept = self._kept.get(tenant.company_id)
        if kept is None and not tenant.providers:
            return models
        if kept is None or {role: own.set for role, own in kept.chats.items()} != tenant.providers:
            kept = await self._renewed(tenant, kept.chats if kept is not None else {})
        kept.tenant, kept.used = tenant, time.monotonic()
        for role, own in kept.chats.items():
            models = self._played(models, role, own, tenant)
        return models

    def circuits(self, tenant: Tenant) -> Mapping[ModelRole, CircuitView]:
        """How those stand that this process has called since they were set."""
        kept = self._kept.get(tenant.company_id)
        chats = kept.chats if kept is not None else {}
        return {role: own.circuit for role, own in chats.items() if own.circuit is not None and own.set == tenant.providers.get(role)}

    async def forget(self, company_id: str) -> None:
        """Let go of the tenant's clients, and of its keys with them."""
        kept = self._kept.pop(company_id, None)
        for own in kept.chats.values() if kept is not None else ():
            if own.keyed is not None:
                await own.keyed.retire()

    async def close(self) -> None:
        """Close all connections."""
        for company_id in list(self._kept):
            await self.forget(company_id)

    def _played(self, models: Models, role: ModelRole, own: _Own, tenant: Tenant) -> Models:
        """`models` with the tenant's own in this role."""
        chat = masked_chat(own.chat, tenant.masked_kinds) if tenant.masking else own.chat
        if role is ModelRole.SUMMARIZE:
            return replace(models, summarize=self._backed(chat, own, models.summarize))
        if role is ModelRole.GENERATE:
            return replace(models, generate=self._backed(chat, own, models.generate))
        # A cross-encoder of the installation would read what the tenant wants its own model to judge.
        return replace(models, reason=self._backed(chat, own, models.reason), rerank=None)

    def _backed(self, chat: ChatModel, own: _Own, installed: ChatModel) -> ChatModel:
        return FallbackChat(chat, installed, self._meter) if own.set.fallback else chat

    async def _renewed(self, tenant: Tenant, before: Mapping[ModelRole, _Own]) -> _Kept:
        """The tenant's models as they are set now; those that are as they were stay, with their connections."""
        same = {role: own for role, own in before.items() if tenant.providers.get(role) == own.set}
        chats = {role: same.get(role) or self._made(tenant, wanted) for role, wanted in tenant.providers.items()}
        kept = self._kept[tenant.company_id] = _Kept(chats=chats, tenant=tenant, used=time.monotonic())
        self._kept.move_to_end(tenant.company_id)
        gone = [own for role, own in before.items() if role not in same]
        gone += [own for company_id in self._stale() for own in self._kept.pop(company_id).chats.values()]
        for own in gone:
            if own.keyed is not None:
                await own.keyed.retire()
        return kept

    def _stale(self) -> list[str]:
        """Tenants whose clients nobody has asked for in a long time, and the oldest beyond the limit."""
        idle = [company_id for company_id, kept in self._kept.items() if kept.used < time.monotonic() - _IDLE_SECONDS]
        return list(dict.fromkeys([*idle, *list(self._kept)[: max(0, len(self._kept) - self._tenants)]]))

    def _made(self, tenant: Tenant, wanted: OwnProvider) -> _Own:
        if wanted.provider == OFFLINE:
            return _Own(wanted, None, None, self._providers.offline())
        meter = _Nameless(self._meter)
        settings = self._settings
        keyed = KeyedChat(wanted.provider, wanted.model, lambda: self._opened(tenant, wanted))
        circuit = Circuit(wanted.provider, wanted.model, meter, failures=settings.llm_circuit_failures, pause=settings.llm_circuit_seconds)
        return _Own(wanted, keyed, circuit, GuardedChat(MeteredChat(keyed, meter), circuit))

    async def _opened(self, tenant: Tenant, wanted: OwnProvider) -> AskingChat:
        """Its client, with the key in it."""
        if not self._settings.own_providers:
            raise AppError(Code.LLM_MODEL_WRONG, f"{_FORBIDDEN} Go back to the installation's: desklore providers clear.")
        key = None
        if wanted.has_key:
            newest = self._kept.get(tenant.company_id)
            wrapped = newest.tenant if newest is not None else tenant
            key = await self._secrets.open(wrapped, KEPT_AS, wanted.key_id, tenant.provider_keys[wanted.key_id])
        return self._providers.client(self._access(wanted, key))

    def _access(self, wanted: OwnProvider, key: Secret | None) -> Access:
        settings = self._settings
        return Access(
            provider=wanted.provider,
            model=wanted.model,
            api_key=key,
            base_url=wanted.base_url,
            timeout=settings.llm_timeout_seconds,
            attempts=settings.llm_attempts,
            concurrency=settings.llm_concurrency,
            client_options=None if wanted.base_url is None else self._reach.client_options,
        )


class KeyedChat:
    """A ChatModel whose client is made at the first call; once it is let go of, the client is closed as soon as no call needs it."""

    def __init__(self, provider: str, model: str, make: Callable[[], Awaitable[AskingChat]]) -> None:
        self.provider = provider
        self.model = model
        self._make = make
        self._making = asyncio.Lock()
        self._made: AskingChat | None = None
        self._calls = 0
        self._retired = False

    async def complete(self, prompt: Prompt) -> Completion:
        """As the model behind it. Also raises SECRET_UNREADABLE, or STORAGE_UNAVAILABLE while the key's store is away."""
        async with self._called() as chat:
            return await chat.complete(prompt)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """Likewise."""
        async with self._called() as chat:
            async for delta in freed(chat.stream(prompt)):
                yield delta

    async def retire(self) -> None:
        """Close the client, after the calls that are under way."""
        self._retired = True
        await self._close_if_idle()

    @asynccontextmanager
    async def _called(self) -> AsyncIterator[AskingChat]:
        self._calls += 1
        try:
            async with self._making:
                chat = self._made = self._made or await self._make()
            yield chat
        finally:
            self._calls -= 1
            # Somebody who got it before it was let go of may have made the client anew.
            await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if self._retired and not self._calls and self._made is not None:
            made, self._made = self._made, None
            await made.close()


class _Nameless:
    """A Meter that tells of all tenants' own models as of one, `own`: which ones those are is nobody's business."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Count it under one name."""
        self._meter.count(name, amount, **_nameless(labels))

    def level(self, name: str, value: float, /, **labels: str) -> None:
        """Nothing: one circuit's state says nothing about another tenant's."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Observe it under one name."""
        self._meter.observe(name, value, **_nameless(labels))

    def stage(self, name: str, /) -> AbstractContextManager[None]:
        """As it is."""
        return self._meter.stage(name)


def _nameless(labels: dict[str, str]) -> dict[str, str]:
    return labels | {"model": "own"} if "model" in labels else labels
