"""A helpdesk's own credentials as proof of who asks: whose company, which role, asked how often, and what never happens."""

import dataclasses
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from backend.api.app import create_app
from backend.core import clock
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.tenant import Role, SealedSecret
from backend.core.ports.rates import RateScope
from backend.storage.redis.cache import RedisCaches
from backend.storage.redis.rates import LimitedRates
from tests.api.conftest import As
from tests.api.helpdesk import BAD_KEY, GOOD_KEY, LIMITED_KEY, OTHER_GOOD_KEY
from tests.api.house import House

ME = "/api/v1/me"


def shown(key: str = GOOD_KEY, domain: str = "acme.example", **more: str) -> dict[str, str]:
    return {"X-Platform": "freshdesk", "X-Freshdesk-Domain": domain, "X-Freshdesk-API-Key": key, **more}


async def connect(house: House, company_id: str, domain: str = "acme.example", **changes: object) -> None:
    connection = Connection(
        connection_id=f"conn_{company_id}", platform="freshdesk", domain=domain, credentials=SealedSecret(""), created_at=clock.now()
    )
    async with house.services.database.open(company_id) as uow:
        await uow.connections.put(msgspec.structs.replace(connection, **changes))


async def switch(client_as: As, company_id: str = "acme", *, on: bool = True) -> None:
    changed = await client_as(Role.ADMIN, company_id).patch("/api/v1/settings", json={"helpdesk_login": on})
    assert changed.json()["helpdesk_login"] is on


@pytest.fixture
async def anyone(house: House, client_as: As) -> httpx.AsyncClient:
    """Somebody without a key, with acme connected to acme.example and willing."""
    await connect(house, "acme")
    await switch(client_as)
    return client_as(None)


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_an_agent_of_the_helpdesk_is_an_agent_here(house: House, anyone: httpx.AsyncClient, client_as: As) -> None:
    me = (await anyone.get(ME, headers=shown())).json()
    assert (me["company_id"], me["role"], me["subject"], me["helpdesk"]) == ("acme", "agent", "agent@paper.example", "freshdesk")
    assert me["key_id"] is None
    assert (await anyone.get("/api/v1/documents", headers=shown(domain="https://ACME.example/"))).status_code == 200
    assert code_of(await anyone.get("/api/v1/keys", headers=shown())) == (403, "forbidden")
    assert code_of(await anyone.post("/api/v1/auth/token", json={"subject": "x"}, headers=shown())) == (403, "forbidden")
    assert code_of(await anyone.get("/api/v1/tenants", headers=shown())) == (403, "forbidden")
    entries = (await client_as(Role.ADMIN).get("/api/v1/audit")).json()["items"]
    assert ("login.helpdesk", "freshdesk:agent@paper.example") in {(each["action"], each["actor"]) for each in entries}
    assert {each.settings.connection_id for each in house.helpdesks.opened} == {"conn_acme"}


async def test_it_is_off_until_an_admin_switches_it_on_and_leaves_a_trace(house: House, client_as: As) -> None:
    await connect(house, "acme")
    anyone = client_as(None)
    assert code_of(await anyone.get(ME, headers=shown())) == (401, "unauthenticated")
    assert house.helpdesks.opened == []
    await switch(client_as)
    assert (await anyone.get(ME, headers=shown())).status_code == 200
    await switch(client_as, on=False)
    # At once, whatever is remembered.
    assert code_of(await anyone.get(ME, headers=shown())) == (401, "unauthenticated")
    entries = (await client_as(Role.ADMIN).get("/api/v1/audit")).json()["items"]
    assert [each["details"] for each in entries if each["action"] == "tenant.settings"] == [
        {"helpdesk_login": "off"},
        {"helpdesk_login": "on"},
    ]


async def test_the_helpdesk_is_asked_once_and_its_word_remembered_without_the_secret(house: House, anyone: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await anyone.get(ME, headers=shown())).status_code == 200
        assert code_of(await anyone.get(ME, headers=shown(BAD_KEY))) == (401, "unauthenticated")
    assert [each.settings.credentials["api_key"].reveal() for each in house.helpdesks.opened] == [GOOD_KEY, BAD_KEY]
    assert all(each.closed for each in house.helpdesks.opened)
    assert GOOD_KEY not in str(vars(house.services.caches))
    assert (await anyone.get(ME, headers=shown(OTHER_GOOD_KEY))).status_code == 200
    assert len(house.helpdesks.opened) == 3


async def test_unknown_helpdesks_and_wrong_credentials_look_alike_and_nothing_is_called(house: House, anyone: httpx.AsyncClient) -> None:
    wrong = await anyone.get(ME, headers=shown(BAD_KEY))
    called = len(house.helpdesks.opened)
    texts = {wrong.json()["error"]["message"]}
    for headers in (
        shown(domain="bravo.example"),
        shown(domain="169.254.169.254"),
        shown(domain="acme.example.evil.com"),
        shown(domain="acme.example@evil.example"),
        shown("x" * 501),
    ):
        refused = await anyone.get(ME, headers=headers)
        assert code_of(refused) == (401, "unauthenticated")
        texts.add(refused.json()["error"]["message"])
    assert len(texts) == 1
    assert len(house.helpdesks.opened) == called


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Platform": "freshdesk"},
        {"X-Platform": "freshdesk", "X-Freshdesk-Domain": "acme.example"},
        {"X-Platform": "zendesk", "X-Freshdesk-Domain": "acme.example", "X-Freshdesk-API-Key": GOOD_KEY},
        {"X-Platform": "file", "X-File-Domain": "uploads"},
        {"X-Freshdesk-Domain": "acme.example", "X-Freshdesk-API-Key": GOOD_KEY},
    ],
)
async def test_incomplete_proof_is_none(anyone: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert code_of(await anyone.get(ME, headers=headers)) == (401, "unauthenticated")


async def test_two_companies_with_one_helpdesk_need_keys(house: House, anyone: httpx.AsyncClient) -> None:
    await connect(house, "bravo")
    refused = await anyone.get(ME, headers=shown())
    assert code_of(refused) == (401, "unauthenticated")
    assert "Several companies" in refused.json()["error"]["message"]
    assert house.helpdesks.opened == []


async def test_each_company_by_its_own_helpdesk(house: House, anyone: httpx.AsyncClient, client_as: As) -> None:
    await connect(house, "bravo", "bravo.example")
    assert code_of(await anyone.get(ME, headers=shown(domain="bravo.example"))) == (401, "unauthenticated")
    await switch(client_as, "bravo")
    assert (await anyone.get(ME, headers=shown(domain="bravo.example"))).json()["company_id"] == "bravo"
    # What acme's helpdesk said of the same key counts for acme alone.
    assert (await anyone.get(ME, headers=shown())).json()["company_id"] == "acme"
    assert {each.settings.domain for each in house.helpdesks.opened} == {"acme.example", "bravo.example"}
    listed = (await anyone.get("/api/v1/documents", headers=shown())).text
    assert "(acme)" in listed
    assert "(bravo)" not in listed
    assert "bravo" not in (await anyone.get(ME, headers=shown(**{"X-Company-Id": "bravo"}))).text


async def test_a_paused_connection_lets_nobody_in(house: House, anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get(ME, headers=shown())).status_code == 200
    await connect(house, "acme", state=ConnectionState.PAUSED)
    assert code_of(await anyone.get(ME, headers=shown())) == (401, "unauthenticated")
    await connect(house, "acme", state=ConnectionState.BROKEN)
    assert (await anyone.get(ME, headers=shown())).status_code == 200


async def test_a_key_goes_before_it(house: House, anyone: httpx.AsyncClient) -> None:
    key = house.api_keys[f"bravo/{Role.VIEWER}"]
    me = (await anyone.get(ME, headers=shown(Authorization=f"Bearer {key}"))).json()
    assert (me["company_id"], me["role"]) == ("bravo", "viewer")
    assert code_of(await anyone.get(ME, headers=shown(**{"X-API-Key": "dk_wrong"}))) == (401, "unauthenticated")
    assert house.helpdesks.opened == []


async def test_who_sees_only_some_tickets_there_does_not_see_all_here(anyone: httpx.AsyncClient) -> None:
    me = (await anyone.get(ME, headers=shown(LIMITED_KEY))).json()
    assert me["groups"] == ["freshdesk:42"]
    assert "runs:read" not in me["scopes"]
    listed = (await anyone.get("/api/v1/documents", headers=shown(LIMITED_KEY))).json()["items"]
    assert {each["doc_type"] for each in listed} == {"article"}
    assert code_of(await anyone.get("/api/v1/init/101", headers=shown(LIMITED_KEY))) == (404, "ticket_not_found")


@pytest.fixture(params=("memory", "redis"))
async def limited(request: pytest.FixtureRequest, house: House, anyone: httpx.AsyncClient) -> AsyncIterator[FastAPI]:
    """The API with limits on logins."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    rates = LimitedRates({RateScope.LOGIN_ADDRESS: "2/hour", RateScope.LOGIN: "3/hour"}, url)
    app = create_app(house.services, house.auth, render_metrics=house.meter.render, rates=rates)
    yield app
    await app.state.authenticator.close()
    await rates.close()


def _from(app: FastAPI, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://desklore.test")


async def test_guesses_are_limited_by_address_and_by_helpdesk(house: House, limited: FastAPI) -> None:
    guesser, other, third = (_from(limited, f"203.0.113.{number}") for number in (1, 2, 3))
    assert (await other.get(ME, headers=shown())).status_code == 200
    codes = [code_of(await guesser.get(ME, headers=shown(f"paper-guess-{number}-BAD")))[1] for number in range(3)]
    assert codes == ["unauthenticated", "unauthenticated", "rate_limited"]
    assert len(house.helpdesks.opened) == 3
    # Who is known already is not asked about, and so not held up.
    assert (await other.get(ME, headers=shown())).status_code == 200
    assert (await guesser.get(ME, headers=shown())).status_code == 200
    refused = await third.get(ME, headers=shown("paper-guess-9-BAD"))
    assert code_of(refused) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert len(house.helpdesks.opened) == 3


async def test_processes_share_what_the_helpdesk_said(house: House, anyone: httpx.AsyncClient, redis_url: str) -> None:
    asked = []
    for _ in range(2):
        caches = RedisCaches(redis_url)
        services = dataclasses.replace(house.services, caches=caches)
        app = create_app(services, house.auth, render_metrics=house.meter.render)
        async with _from(app, "203.0.113.1") as client:
            assert (await client.get(ME, headers=shown())).status_code == 200
        asked.append(len(house.helpdesks.opened))
        found = [bytes(name) async for name in caches.client.scan_iter(match="*login/*")]
        assert found
        assert not any(GOOD_KEY.encode() in name for name in found)
        await app.state.authenticator.close()
        await caches.close()
    assert asked == [1, 1]
