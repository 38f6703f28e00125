"""A company's own models: set by its admins, tried before they are kept, keys never told, and nobody else's business."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from backend.core.errors import AppError, Code
from backend.core.model.answer import Message, Prompt, RewriteMaterial
from backend.core.model.budget import Purpose
from backend.core.model.provider import ModelRole, OwnProvider
from backend.core.model.tenant import Role
from backend.core.ports.llm import masking_of
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.api.conftest import As
from tests.api.house import NOW, House
from tests.support.openai_server import KEY, OpenAIServer, closed_port

PROVIDERS = "/api/v1/settings/providers"
HELLO = Prompt(
    purpose=Purpose.REWRITE,
    version="t-1",
    messages=(Message(role="user", text="write to jane@example.com"),),
    material=RewriteMaterial(text="t", action="rephrase", language="en"),
)


def wanted(server: OpenAIServer, **more: Any) -> dict[str, Any]:
    return {"provider": "openai", "model": "their-model", "base_url": server.base_url, "api_key": server.key} | more


def by_role(answer: Any) -> dict[str, Any]:
    return {each["role"]: each for each in answer.json()["items"]}


async def test_an_admin_brings_a_model_for_its_own_company(house: House, client_as: As) -> None:
    acme, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    before = (await acme.get(PROVIDERS)).json()
    assert {each["role"]: (each["provider"], each["own"]) for each in before["items"]} == dict.fromkeys(ModelRole, ("offline", None))
    with OpenAIServer() as server:
        answer = await acme.put(f"{PROVIDERS}/generate", json=wanted(server))
        assert answer.status_code == 200, answer.text
        shown = by_role(answer)["generate"]
        assert (shown["provider"], shown["model"], shown["state"], shown["trouble"]) == ("openai", "their-model", "closed", None)
        assert {name: value for name, value in shown["own"].items() if name != "set_at"} == {
            "base_url": server.base_url,
            "has_key": True,
            "fallback": False,
        }
        assert KEY not in (await acme.get(PROVIDERS)).text
        assert (await bravo.get(PROVIDERS)).json() == before
        models, others = await house.services.models_of("acme"), await house.services.models_of("bravo")
        assert (models.generate.model, models.summarize.provider, others.generate.provider) == ("their-model", "offline", "offline")
        assert masking_of(models.generate), "a company whose data is masked has it masked for its own provider too"
        await models.generate.complete(HELLO)
        await models.generate.complete(HELLO)
        assert len(server.requests) == 3, "tried once, called twice"
        assert "jane@example.com" not in str(server.asked())
        booked = {row["purpose"]: row for row in (await acme.get("/api/v1/usage")).json()["items"]}
        assert {name: (row["provider"], row["model"], row["usage"]["calls"]) for name, row in booked.items()} == {
            "answer": ("openai", "their-model", 1),
            "rewrite": ("openai", "their-model", 2),
        }
        assert (await bravo.get("/api/v1/usage")).json()["items"] == []
        (entry, *_) = (await acme.get("/api/v1/audit", params={"action": "provider.set"})).json()["items"]
        assert (entry["target"], entry["details"]["model"], entry["details"]["fallback"]) == ("generate", "their-model", "off")
        assert KEY not in str(entry)
        assert "their-model" not in (await bravo.get("/api/v1/audit")).text
        metrics = (await acme.get("/metrics")).text
        assert 'model="own"' in metrics
        assert "their-model" not in metrics
        assert "their-model" not in (await acme.get("/health")).text
        cleared = by_role(await acme.delete(f"{PROVIDERS}/generate"))
        assert cleared["generate"] == {each["role"]: each for each in before["items"]}["generate"]
        assert (await house.services.models_of("acme")).generate.provider == "offline"
        async with house.services.database.directory() as directory:
            tenant = await directory.get_tenant("acme")
        assert tenant is not None
        assert (tenant.providers, tenant.provider_keys) == ({}, {})
        assert (await acme.delete(f"{PROVIDERS}/generate")).status_code == 200, "asked for twice"


@pytest.mark.parametrize("role", [Role.AGENT, Role.MEMBER, Role.VIEWER, Role.OPERATOR])
async def test_nobody_else_does(client_as: As, role: Role) -> None:
    client = client_as(role)
    body = {"provider": "offline"}
    answers = [await client.get(PROVIDERS), await client.put(f"{PROVIDERS}/reason", json=body), await client.delete(f"{PROVIDERS}/reason")]
    assert [answer.status_code for answer in answers] == [403] * 3


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"api_key": "sk-wrong-0123456789"}, 502, "llm_credentials_rejected"),
        ({"base_url": closed_port()}, 502, "llm_unavailable"),
        ({"base_url": "http://localhost:9/v1"}, 422, "host_not_allowed"),
        ({"base_url": "https://localhost/v1"}, 422, "host_not_allowed"),
        ({"base_url": "https://[::ffff:10.0.0.1]/v1"}, 422, "host_not_allowed"),
        ({"base_url": "https://169.254.169.254/latest"}, 422, "host_not_allowed"),
        ({"base_url": "https://no-such-host.invalid/v1"}, 422, "host_not_allowed"),
        ({"base_url": "https://key@example.com/v1"}, 422, "host_not_allowed"),
        ({"base_url": "file:///etc/passwd"}, 422, "host_not_allowed"),
        ({"base_url": None, "api_key": None}, 422, "invalid_request"),
        ({"model": ""}, 422, "invalid_request"),
        ({"model": "m\nx"}, 422, "invalid_request"),
        ({"api_key": "two words"}, 422, "invalid_request"),
        ({"provider": "mistral"}, 422, "invalid_request"),
        ({"provider": "offline"}, 422, "invalid_request"),
    ],
)
async def test_what_does_not_work_is_told_and_not_kept(house: House, client_as: As, change: dict[str, Any], status: int, code: str) -> None:
    acme = client_as(Role.ADMIN)
    with OpenAIServer() as server:
        answer = await acme.put(f"{PROVIDERS}/summarize", json=wanted(server, **change))
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
        assert server.key not in answer.text
        assert "sk-wrong" not in answer.text
    assert by_role(await acme.get(PROVIDERS))["summarize"]["own"] is None
    async with house.services.database.directory() as directory:
        tenant = await directory.get_tenant("acme")
    assert tenant is not None
    assert (tenant.providers, tenant.provider_keys) == ({}, {})
    assert (await acme.get("/api/v1/audit", params={"action": "provider.set"})).json()["items"] == []


async def test_an_unknown_model_and_a_redirect_are_no_provider(client_as: As) -> None:
    acme = client_as(Role.ADMIN)
    with OpenAIServer() as server:
        for status, code in ((404, "llm_model_wrong"), (302, "llm_request_rejected"), (429, "llm_rate_limited")):
            server.fail_times, server.status = 1, status
            answer = await acme.put(f"{PROVIDERS}/generate", json=wanted(server))
            assert answer.json()["error"]["code"] == code, answer.text
    assert by_role(await acme.get(PROVIDERS))["generate"]["own"] is None


async def test_vectors_stay_the_installations(client_as: As) -> None:
    with OpenAIServer() as server:
        answer = await client_as(Role.ADMIN).put(f"{PROVIDERS}/embed", json=wanted(server))
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
        assert "can't bring its own model for embed" in answer.text
        assert not server.requests


async def test_a_kept_key_stays_where_only_the_model_changes_and_goes_nowhere_else(house: House, client_as: As) -> None:
    acme = client_as(Role.ADMIN)
    with OpenAIServer() as server, OpenAIServer() as elsewhere:
        assert (await acme.put(f"{PROVIDERS}/generate", json=wanted(server))).is_success
        changed = await acme.put(f"{PROVIDERS}/generate", json=wanted(server, model="newer", api_key=None, fallback=True))
        shown = by_role(changed)["generate"]
        assert (shown["model"], shown["own"]["has_key"], shown["own"]["fallback"]) == ("newer", True, True)
        stolen = await acme.put(f"{PROVIDERS}/generate", json=wanted(elsewhere, api_key=None))
        assert stolen.json()["error"]["code"] == "llm_credentials_rejected"
        assert KEY not in {request.authorization for request in elsewhere.requests}
        assert (await acme.put(f"{PROVIDERS}/reason", json=wanted(server, api_key=None))).json()["error"][
            "code"
        ] == "llm_credentials_rejected"
    async with house.services.database.directory() as directory:
        tenant = await directory.get_tenant("acme")
    assert tenant is not None
    assert set(tenant.provider_keys) == {tenant.providers[ModelRole.GENERATE].key_id}


async def test_an_offline_model_needs_nothing(house: House, client_as: As) -> None:
    acme = client_as(Role.ADMIN)
    shown = by_role(await acme.put(f"{PROVIDERS}/generate", json={"provider": "offline"}))["generate"]
    assert (shown["provider"], shown["own"]["has_key"]) == ("offline", False)
    assert (await house.services.models_of("acme")).generate.provider == "offline"


async def test_a_key_of_another_company_opens_nothing(house: House, client_as: As) -> None:
    acme = client_as(Role.ADMIN)
    with OpenAIServer() as server:
        assert (await acme.put(f"{PROVIDERS}/generate", json=wanted(server))).is_success
        async with house.services.database.directory() as directory:
            owner, thief = await directory.get_tenant("acme"), await directory.lock_tenant("bravo")
            assert owner is not None
            assert thief is not None
            await directory.put_tenant(msgspec.structs.replace(thief, providers=owner.providers, provider_keys=owner.provider_keys))
        before = len(server.requests)
        with pytest.raises(AppError) as refused:
            await (await house.services.models_of("bravo")).generate.complete(HELLO)
        assert refused.value.code is Code.SECRET_UNREADABLE
        assert len(server.requests) == before


async def test_what_another_process_set_holds_at_once(house: House, client_as: As) -> None:
    acme = client_as(Role.ADMIN)
    with OpenAIServer() as server:
        assert (await acme.put(f"{PROVIDERS}/generate", json=wanted(server))).is_success
        async with house.services.database.directory() as directory:
            tenant = await directory.lock_tenant("acme")
            assert tenant is not None
            own: OwnProvider = tenant.providers[ModelRole.GENERATE]
            changed = msgspec.structs.replace(own, model="by another")
            await directory.put_tenant(msgspec.structs.replace(tenant, providers={ModelRole.GENERATE: changed}))
        assert by_role(await acme.get(PROVIDERS))["generate"]["model"] == "by another"
        assert (await house.services.models_of("acme")).generate.model == "by another"


async def test_what_somebody_set_meanwhile_is_not_overwritten(house: House, client_as: As) -> None:
    acme = client_as(Role.ADMIN)
    with OpenAIServer() as server, ThreadPoolExecutor(1) as beside:

        def set_meanwhile(_body: Any) -> str:
            """While the first one's model is tried, a second admin sets the role."""
            if len(server.requests) == 1:
                assert beside.submit(asyncio.run, set_offline()).result(30)
            return "OK"

        async def set_offline() -> bool:
            database = SqlDatabase(f"sqlite+aiosqlite:///{house.data_dir / 'desklore.sqlite'}", house.services.queue.enqueue)
            try:
                async with database.directory() as directory:
                    tenant = await directory.lock_tenant("acme")
                    assert tenant is not None
                    own = OwnProvider(provider="offline", model="", set_at=NOW)
                    await directory.put_tenant(msgspec.structs.replace(tenant, providers={ModelRole.GENERATE: own}))
            finally:
                await database.close()
            return True

        server.answer = set_meanwhile
        answer = await acme.put(f"{PROVIDERS}/generate", json=wanted(server))
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
        assert "meanwhile" in answer.text
        assert by_role(await acme.get(PROVIDERS))["generate"]["provider"] == "offline"
        assert (await acme.put(f"{PROVIDERS}/generate", json=wanted(server))).is_success
