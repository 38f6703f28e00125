"""Models that tenants bring themselves: whose client, key and circuit breaker each is, and when they go."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.adapters.offline.chat import OfflineChat
from backend.adapters.offline.embed import HashingEmbedder
from backend.adapters.own import KeyedChat, OwnProviders
from backend.core.errors import AppError, Code
from backend.core.model.answer import Message, Prompt, RewriteMaterial
from backend.core.model.budget import Purpose
from backend.core.model.personal import Kind
from backend.core.model.provider import KEPT_AS, ModelRole, OwnProvider
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.llm import CircuitState, masking_of
from backend.core.ports.services import Models
from backend.core.text.tokens import make_tokenizer
from backend.observability.metrics import PrometheusMeter
from backend.storage.secrets.local import LocalCipher
from backend.storage.secrets.sealed import SealedSecrets
from tests.support.native_servers import AnthropicServer, GoogleServer
from tests.support.openai_server import OpenAIServer
from tests.support.own import own_providers

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CIPHER = LocalCipher([("k1", bytes(range(32)))])
DATA_KEYS = {name: CIPHER.new_data_key(name) for name in ("acme", "bravo", "one", "two", "three")}
OFFLINE = OfflineChat(make_tokenizer("bigram"))
INSTALLED = Models(summarize=OFFLINE, generate=OFFLINE, reason=OFFLINE, embed=HashingEmbedder())
PROMPT = Prompt(
    purpose=Purpose.REWRITE,
    version="t-1",
    messages=(Message(role="user", text="hello"),),
    material=RewriteMaterial(text="t", action="rephrase", language="en"),
)


def has_client(keyed: KeyedChat | None) -> bool:
    return keyed is not None and keyed._made is not None


@pytest.fixture
def own() -> OwnProviders:
    return own_providers(CIPHER, PrometheusMeter(), llm_circuit_failures=1)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as made:
        yield made


async def tenant_with(server: OpenAIServer, *roles: ModelRole, name: str = "acme", minute: int = 0, **more: Any) -> Tenant:
    """A tenant whose server plays these roles, set at this minute."""
    tenant = Tenant(company_id=name, name=name, created_at=START, sealed_data_key=DATA_KEYS[name])
    key_id = f"provider_{name}_{minute}"
    kept = await SealedSecrets(CIPHER).keep(tenant, KEPT_AS, key_id, Secret(server.key))
    fields: dict[str, Any] = {
        "provider": "openai",
        "model": "m",
        "base_url": server.base_url,
        "key_id": key_id,
        "set_at": START + timedelta(minutes=minute),
    }
    provider = OwnProvider(**fields | more)
    return Tenant(
        company_id=name,
        name=name,
        created_at=START,
        sealed_data_key=tenant.sealed_data_key,
        providers=dict.fromkeys(roles, provider),
        provider_keys={key_id: kept},
    )


async def test_a_client_is_made_once_and_lasts_while_nothing_changes(own: OwnProviders, server: OpenAIServer) -> None:
    acme = await tenant_with(server, ModelRole.GENERATE, ModelRole.REASON)
    models = await own.put_in(INSTALLED, acme)
    assert models.summarize is OFFLINE
    assert models.rerank is None
    before = own._kept["acme"].chats[ModelRole.GENERATE]
    await models.generate.complete(PROMPT)
    made = before.keyed and before.keyed._made
    assert made is not None
    await (await own.put_in(INSTALLED, acme)).generate.complete(PROMPT)
    after = own._kept["acme"].chats[ModelRole.GENERATE]
    assert after is before
    assert after.keyed is not None
    assert after.keyed._made is made
    await own.close()
    assert not has_client(after.keyed)


async def test_one_that_is_replaced_ends_what_it_says_and_goes(own: OwnProviders, server: OpenAIServer) -> None:
    server.answer, server.pause_after = "a long answer with many pieces", 1
    old = await own.put_in(INSTALLED, await tenant_with(server, ModelRole.GENERATE))
    keyed = own._kept["acme"].chats[ModelRole.GENERATE].keyed
    stream = old.generate.stream(PROMPT)
    said = [await anext(stream)]
    with OpenAIServer(key="sk-the-new-one-0123") as newer:
        new = await own.put_in(INSTALLED, await tenant_with(newer, ModelRole.GENERATE, minute=1))
        assert (await new.generate.complete(PROMPT)).text
        assert has_client(keyed)
        server.go_on.set()
        said += [delta async for delta in stream]
        assert "".join(delta.text for delta in said) == server.answer
        assert not has_client(keyed)
        # Who took it a moment before it was replaced may call it still; nothing stays open of that.
        assert (await old.generate.complete(PROMPT)).text
        assert not has_client(keyed)
        await own.close()


async def test_a_tenants_open_circuit_is_no_other_tenants(own: OwnProviders, server: OpenAIServer) -> None:
    acme, bravo = await tenant_with(server, ModelRole.GENERATE), await tenant_with(server, ModelRole.GENERATE, name="bravo")
    first, second = (await own.put_in(INSTALLED, acme)).generate, (await own.put_in(INSTALLED, bravo)).generate
    server.fail_times = 1
    for _ in range(2):
        with pytest.raises(AppError) as away:
            await first.complete(PROMPT)
        assert away.value.code is Code.LLM_UNAVAILABLE
    assert len(server.requests) == 1
    assert (await second.complete(PROMPT)).text
    (circuit,) = own.circuits(acme).values()
    assert circuit.state is CircuitState.OPEN
    assert circuit.trouble is not None
    assert circuit.trouble.code is Code.LLM_UNAVAILABLE
    (well,) = own.circuits(bravo).values()
    assert (well.state, well.trouble) == (CircuitState.CLOSED, None)
    assert own.circuits(await tenant_with(server, ModelRole.GENERATE, minute=1)) == {}, "what was set anew was not called yet"
    await own.close()


async def test_a_key_is_opened_with_the_data_key_as_it_is_wrapped_by_then(own: OwnProviders, server: OpenAIServer) -> None:
    """A model may be called long after it was made, and the master key of before be gone."""
    acme = await tenant_with(server, ModelRole.GENERATE)
    stale = Tenant(**{name: getattr(acme, name) for name in acme.__struct_fields__} | {"sealed_data_key": SealedSecret("v1.gone.x")})
    models = await own.put_in(INSTALLED, stale)
    await own.put_in(INSTALLED, acme)
    assert (await models.generate.complete(PROMPT)).text
    await own.close()


async def test_a_key_that_can_not_be_opened_now_is_opened_later(own: OwnProviders, server: OpenAIServer) -> None:
    acme = await tenant_with(server, ModelRole.GENERATE)
    lost = Tenant(**{name: getattr(acme, name) for name in acme.__struct_fields__} | {"sealed_data_key": SealedSecret("v1.gone.x")})
    models = await own.put_in(INSTALLED, lost)
    with pytest.raises(AppError) as unreadable:
        await models.generate.complete(PROMPT)
    assert unreadable.value.code is Code.SECRET_UNREADABLE
    (circuit,) = own.circuits(acme).values()
    assert circuit.state is CircuitState.OPEN
    await own.close()


async def test_clients_of_few_tenants_are_kept(server: OpenAIServer) -> None:
    own = own_providers(CIPHER, PrometheusMeter(), tenants=2)
    tenants = [await tenant_with(server, ModelRole.GENERATE, name=name) for name in ("one", "two", "three")]
    kept = []
    for tenant in tenants:
        await (await own.put_in(INSTALLED, tenant)).generate.complete(PROMPT)
        kept.append(own._kept[tenant.company_id].chats[ModelRole.GENERATE].keyed)
    assert list(own._kept) == ["two", "three"]
    assert [has_client(keyed) for keyed in kept] == [False, True, True]
    await own.forget("two")
    assert list(own._kept) == ["three"]
    await own.close()


async def test_what_is_masked_is_the_tenants_choice(own: OwnProviders, server: OpenAIServer) -> None:
    acme = await tenant_with(server, ModelRole.GENERATE, fallback=True)
    fields = {name: getattr(acme, name) for name in acme.__struct_fields__}
    assert masking_of((await own.put_in(INSTALLED, acme)).generate)
    some = Tenant(**fields | {"shown_kinds": frozenset(Kind) - {Kind.EMAIL}})
    assert masking_of((await own.put_in(INSTALLED, some)).generate).endswith("-EMAIL")
    assert masking_of((await own.put_in(INSTALLED, Tenant(**fields | {"masking": False}))).generate) == ""
    await own.close()


@pytest.mark.parametrize(("kind", "provider"), [(AnthropicServer, "anthropic"), (GoogleServer, "google")])
async def test_providers_with_an_api_of_their_own(own: OwnProviders, kind: type[OpenAIServer], provider: str) -> None:
    with kind() as server:
        server.answer = "OK"
        wanted = OwnProvider(provider=provider, model="m", base_url=server.base_url, set_at=START)
        await own.check(wanted, Secret(server.key))
        assert (await own.ask(wanted, Secret(server.key))).text == "OK"
        with pytest.raises(AppError) as wrong:
            await own.ask(wanted, Secret("sk-wrong-0123456"))
        assert wrong.value.code is Code.LLM_CREDENTIALS_REJECTED
        strict = own_providers(CIPHER, PrometheusMeter(), provider_host_allowlist="")
        with pytest.raises(AppError) as refused:
            await strict.check(wanted, Secret(server.key))
        assert refused.value.code is Code.HOST_NOT_ALLOWED
        asked = len(server.requests)
        with pytest.raises(AppError) as away:
            # As if it had been allowed once: the call itself finds out.
            await strict.ask(wanted, Secret(server.key))
        assert away.value.code is Code.LLM_UNAVAILABLE
        assert len(server.requests) == asked


async def test_a_try_is_one_call_and_does_not_wait_for_long(server: OpenAIServer) -> None:
    own = own_providers(CIPHER, PrometheusMeter(), llm_timeout_seconds=0.1, llm_attempts=3)
    server.delay = 1.0
    with pytest.raises(AppError) as slow:
        await own.ask(OwnProvider(provider="openai", model="m", base_url=server.base_url, set_at=START), Secret(server.key))
    assert slow.value.code is Code.LLM_UNAVAILABLE
    assert len(server.requests) == 1


@pytest.mark.parametrize("forbidden", [True, False])
async def test_the_operator_may_forbid_it(server: OpenAIServer, *, forbidden: bool) -> None:
    own = own_providers(CIPHER, PrometheusMeter(), own_providers=not forbidden)
    acme = await tenant_with(server, ModelRole.GENERATE)
    chat = (await own.put_in(INSTALLED, acme)).generate
    if not forbidden:
        assert (await chat.complete(PROMPT)).text
    else:
        with pytest.raises(AppError, match="desklore providers clear") as stopped:
            await chat.complete(PROMPT)
        assert stopped.value.code is Code.LLM_MODEL_WRONG
        assert not server.requests
    await own.close()
