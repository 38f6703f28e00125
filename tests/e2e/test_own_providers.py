"""Companies with models of their own: each server sees its company's texts and key and nobody else's, whatever happens to the others."""

import base64
from pathlib import Path
from typing import Any

import pytest

from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.test_postgres import on
from tests.e2e.test_provider import _until_told
from tests.e2e.trip import Json, Tenant, Trip, running_trip
from tests.servers.aws import REGION
from tests.support.openai_server import OpenAIServer

ACME_KEY, BRAVO_KEY, OUR_KEY = "sk-acme-11aa22bb33", "sk-bravo-44cc55dd66", "sk-installation-77ee88"
QUESTION = "SSO login loops back"
ALLOWED = {"provider_host_allowlist": "127.0.0.1"}


def _settings(server: OpenAIServer, **more: Any) -> dict[str, Any]:
    return {
        "summarize_model": "openai:our-model",
        "generate_model": "openai:our-model",
        "openai_api_key": OUR_KEY,
        "openai_base_url": server.base_url,
        "llm_prices": "our-model=1.0/2.0,acme-model=10.0/20.0",
        "llm_attempts": 1,
        "llm_timeout_seconds": 5,
        "attachment_max_bytes": 1,
        "llm_circuit_failures": 2,
        **ALLOWED,
        **more,
    }


async def bring(tenant: Tenant, server: OpenAIServer, model: str, *roles: str, **more: Any) -> None:
    """Have the tenant's own server play these roles."""
    for role in roles:
        body = {"provider": "openai", "model": model, "base_url": server.base_url, "api_key": server.key} | more
        answer = await tenant.client.put(f"/api/v1/settings/providers/{role}", json=body)
        assert answer.is_success, answer.text


async def _of(tenant: Tenant, role: str) -> Json:
    return next(each for each in (await tenant.get("/settings/providers"))["items"] if each["role"] == role)


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of either database."""
    return on(request.getfixturevalue("postgres")) if request.param == "postgresql" else {}


async def _synced(trip: Trip, name: str, sandbox: SandboxServer, server: OpenAIServer | None, model: str = "") -> Tenant:
    tenant = await trip.onboard(name)
    await tenant.connect(sandbox)
    if server is not None:
        await bring(tenant, server, model, "summarize", "generate")
    run = await tenant.sync()
    assert run["state"] == "completed", run
    return tenant


async def test_each_server_gets_its_companys_texts_and_key(tmp_path: Path, records: dict[str, Any]) -> None:
    servers = OpenAIServer(key=OUR_KEY), OpenAIServer(key=ACME_KEY), OpenAIServer(key=BRAVO_KEY)
    with servers[0] as ours, servers[1] as acmes, servers[2] as bravos:
        async with (
            running_sandbox(SandboxOptions(tickets=12, seed=1)) as one,
            running_sandbox(SandboxOptions(tickets=12, seed=2)) as two,
            running_trip(tmp_path / "data", **_settings(ours), **records) as trip,
        ):
            acme = await _synced(trip, "acme", one, acmes, "acme-model")
            assert not ours.requests
            bravo = await _synced(trip, "bravo", two, bravos, "bravo-model")
            third = await _synced(trip, "third", two, None)
            for tenant, server in ((acme, acmes), (bravo, bravos), (third, ours)):
                server.answer = "Renew the signing certificate [1]."
                others = [len(each.requests) for each in servers if each is not server]
                mark = f"{QUESTION}, says {tenant.company_id}"
                assert (await tenant.ask(mark))["answer"]["text"]
                assert mark in str(server.asked()[-1])
                assert [len(each.requests) for each in servers if each is not server] == others
                assert {request.authorization for request in server.requests} == {server.key}
            assert {body["model"] for body in acmes.asked()} == {"acme-model"}
            for server, foreign in ((acmes, "bravo"), (bravos, "acme"), (ours, "acme")):
                assert f"says {foreign}" not in str([each.body for each in server.requests])
            paid = {(row["model"], row["purpose"]): row["usage"] for row in (await acme.get("/usage"))["items"]}
            assert {model for model, _ in paid} == {"acme-model"}
            assert paid["acme-model", "summary"]["cost_usd"] > 0
            unpriced = {row["model"]: row["usage"] for row in (await bravo.get("/usage"))["items"] if row["purpose"] == "summary"}
            assert unpriced["bravo-model"]["unpriced_calls"] == unpriced["bravo-model"]["calls"] > 0
            assert {row["model"] for row in (await third.get("/usage"))["items"]} == {"our-model"}

            # What was summarized stays so when the model changes, and the price of doing it anew is the new model's.
            asked = len(acmes.requests)
            await bring(acme, acmes, "our-model", "summarize")
            again = await acme.sync(mode="full")
            assert again["counts"]["llm_calls"] == 0
            assert len(acmes.requests) == asked + 1, "tried once"
            price = await acme.post("/documents/resummarize", {})
            assert (price["model"], price["cached"]) == ("openai:our-model", 0)
            assert price["usage"]["cost_usd"] > 0
            assert acme.client.headers["authorization"] not in str(servers[1].requests)


async def test_a_key_that_breaks_is_told_to_its_company_and_touches_no_other(tmp_path: Path) -> None:
    with OpenAIServer(key=OUR_KEY) as ours, OpenAIServer(key=ACME_KEY) as acmes, OpenAIServer(key=BRAVO_KEY) as bravos:
        async with (
            running_sandbox(SandboxOptions(tickets=12)) as sandbox,
            running_trip(tmp_path / "data", **_settings(ours)) as trip,
        ):
            bravo = await _synced(trip, "bravo", sandbox, bravos, "same-model")
            acme = await trip.onboard("acme")
            await acme.connect(sandbox)
            await bring(acme, acmes, "same-model", "summarize", "generate")
            acmes.key = "sk-another-one-by-now"
            run = await acme.post("/ingest", {"connection_id": acme.connection_id})
            told = await _until_told(acme, run["run_id"])
            assert (told["state"], told["error_code"]) == ("running", "llm_credentials_rejected")
            state = await _of(acme, "summarize")
            assert state["trouble"]["code"] == "llm_credentials_rejected"
            assert "rejected the API key" in state["trouble"]["message"]
            assert ACME_KEY not in str(state)
            assert not ours.requests, "without the company's word nothing goes to the installation's provider"
            well = await _of(bravo, "summarize")
            assert (well["state"], well["trouble"]) == ("closed", None)
            bravos.answer = "Renew the signing certificate [1]."
            assert (await bravo.ask(QUESTION))["answer"]["grounded"]
            health = (await trip.anonymous.get("/health")).json()
            assert health["status"] == "ok"
            assert "same-model" not in str(health)

            # With a good key all goes on.
            acmes.key = "sk-renewed-1234567"
            await bring(acme, acmes, "same-model", "summarize", "generate")
            assert (await _of(acme, "summarize"))["trouble"] is None
            run = await acme.wait(run["run_id"])
            assert (run["state"], run["error_code"]) == ("completed", None)
            assert run["counts"]["documents"] == run["counts"]["indexed_documents"]


async def test_another_provider_is_asked_only_where_the_company_says_so(tmp_path: Path) -> None:
    with OpenAIServer(key=OUR_KEY) as ours, OpenAIServer(key=ACME_KEY) as acmes:
        async with (
            running_sandbox(SandboxOptions(tickets=12)) as sandbox,
            running_trip(tmp_path / "data", **_settings(ours, summarize_model="offline")) as trip,
        ):
            acme = await trip.onboard("acme")
            await acme.connect(sandbox)
            await acme.sync()
            await bring(acme, acmes, "acme-model", "generate")
            acmes.fail_times = 10**6
            ours.answer = "Renew the signing certificate [1]."
            refused = await acme.client.post("/api/v1/query", json={"question": QUESTION})
            assert (refused.status_code, refused.json()["error"]["code"]) == (502, "llm_unavailable")
            assert not ours.requests
            acmes.fail_times = 0
            await bring(acme, acmes, "acme-model", "generate", fallback=True)
            acmes.fail_times = 10**6
            assert (await acme.ask(QUESTION))["answer"]["grounded"]
            assert ours.requests
            used = {(row["provider"], row["model"]) for row in (await acme.get("/usage"))["items"] if row["purpose"] == "answer"}
            assert used == {("openai", "acme-model"), ("openai", "our-model")}


async def test_it_outlasts_a_new_master_key_and_a_restart_and_goes_with_its_company(tmp_path: Path, records: dict[str, Any]) -> None:
    key_file = tmp_path / "master.keys"

    def keys(*names: str) -> None:
        key_file.write_text("\n".join(f"{name}:{base64.b64encode(name[-1:].encode() * 32).decode()}" for name in names), encoding="utf-8")

    keys("2025")
    settings = {"master_key_source": "file", "master_key_file": key_file, "summarize_model": "offline", "generate_model": "offline"}
    with OpenAIServer(key=ACME_KEY) as acmes:
        acmes.answer = "Renew the signing certificate [1]."
        async with running_sandbox(SandboxOptions(tickets=12)) as sandbox:
            async with running_trip(tmp_path / "data", **settings, **ALLOWED, **records) as trip:
                operator = {"Authorization": f"Bearer {trip.runtime.built.auth.operator_key.reveal()}"}
                acme = await trip.onboard("acme")
                await acme.connect(sandbox)
                await acme.sync()
                await bring(acme, acmes, "acme-model", "generate", "reason")
                keys("2026", "2025")
                rotated = await trip.anonymous.post("/api/v1/master-key/rotate", json={}, headers=operator)
                assert rotated.json()["left"] == 0, rotated.text
                keys("2026")
                assert (await acme.ask(QUESTION))["answer"]["grounded"]
            async with running_trip(tmp_path / "data", **settings, **ALLOWED, **records) as trip:
                again = trip.tenant("acme", acme.api_key)
                asked = len(acmes.requests)
                assert (await again.ask(QUESTION))["answer"]["grounded"]
                assert len(acmes.requests) > asked
                erased = await trip.anonymous.delete("/api/v1/tenants/acme", headers=operator)
                assert erased.json()["left"] == {"rows": 0, "files": 0, "points": 0}, erased.text
                async with trip.runtime.services.database.directory() as directory:
                    assert await directory.get_tenant("acme") is None
            if not records:
                assert not any(b"acme-model" in path.read_bytes() for path in (tmp_path / "data").rglob("desklore.sqlite*"))


async def test_what_the_operator_forbids_later_is_called_no_more(tmp_path: Path) -> None:
    with OpenAIServer(key=OUR_KEY) as ours, OpenAIServer(key=ACME_KEY) as acmes:
        async with running_sandbox(SandboxOptions(tickets=12)) as sandbox:
            async with running_trip(tmp_path / "data", **_settings(ours, summarize_model="offline")) as trip:
                acme = await trip.onboard("acme")
                await acme.connect(sandbox)
                await acme.sync()
                await bring(acme, acmes, "acme-model", "generate")
            asked = len(acmes.requests)
            for closed in ({"own_providers": False}, {"provider_host_allowlist": ""}):
                async with running_trip(tmp_path / "data", **_settings(ours, summarize_model="offline") | closed) as trip:
                    again = trip.tenant("acme", acme.api_key)
                    refused = await again.client.post("/api/v1/query", json={"question": QUESTION})
                    assert refused.json()["error"]["code"] == ("llm_model_wrong" if "own_providers" in closed else "llm_unavailable")
                    body = {"provider": "openai", "model": "m", "base_url": acmes.base_url, "api_key": ACME_KEY}
                    told = await again.client.put("/api/v1/settings/providers/generate", json=body)
                    assert told.json()["error"]["code"] == ("forbidden" if "own_providers" in closed else "host_not_allowed")
            assert len(acmes.requests) == asked
            assert not ours.requests


async def test_keys_in_secrets_manager_are_replaced_and_go(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue("secrets_client").client
    prefix = f"/own-{tmp_path.name}"
    settings = {"secret_type": "aws", "secret_prefix": prefix, "aws_region": REGION, "aws_endpoint_url": client.meta.endpoint_url}

    def kept() -> list[str]:
        """What lies there, seen from outside: one version with a label of ours for each key."""
        named = [each["Name"] for each in client.list_secrets(MaxResults=100)["SecretList"] if each["Name"].startswith(prefix)]
        labels = [label for name in named for of in client.describe_secret(SecretId=name)["VersionIdsToStages"].values() for label in of]
        return [label for label in labels if label.startswith("provider_")]

    with OpenAIServer(key=ACME_KEY) as acmes:
        acmes.answer = "Renew the signing certificate [1]."
        async with (
            running_sandbox(SandboxOptions(tickets=12)) as sandbox,
            running_trip(tmp_path / "data", **settings, **ALLOWED) as trip,
        ):
            acme = await trip.onboard("acme")
            await acme.connect(sandbox)
            await acme.sync()
            await bring(acme, acmes, "acme-model", "generate", "reason")
            first = kept()
            assert len(first) == 2
            acmes.key = "sk-renewed-1234567"
            await bring(acme, acmes, "acme-model", "generate")
            assert len(kept()) == 2
            assert len(set(kept()) - set(first)) == 1
            assert (await acme.ask(QUESTION))["answer"]["grounded"]
            wrong = {"provider": "openai", "model": "m", "base_url": acmes.base_url, "api_key": "sk-wrong-0123456"}
            assert not (await acme.client.put("/api/v1/settings/providers/generate", json=wrong)).is_success
            assert (await acme.client.delete("/api/v1/settings/providers/reason")).is_success
            assert len(kept()) == 1
            async with trip.runtime.services.database.directory() as directory:
                company = await directory.get_tenant("acme")
            assert company is not None
            assert all(key.token.startswith("aws1.") for key in company.provider_keys.values())
            operator = {"Authorization": f"Bearer {trip.runtime.built.auth.operator_key.reveal()}"}
            assert (await trip.anonymous.delete("/api/v1/tenants/acme", headers=operator)).is_success
            assert kept() == []
