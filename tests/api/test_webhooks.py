"""How webhooks are set up and taken: the right status, nothing told to strangers, nothing lost, tenants apart."""

from dataclasses import replace
from typing import Any

import httpx

from backend.api.app import create_app
from backend.core import clock
from backend.core.model.tenant import Role
from backend.core.ports.rates import RateScope
from backend.storage.redis.rates import LimitedRates
from tests.api.conftest import As
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import House

CONNECTION = {"platform": "freshdesk", "domain": "acme.example", "credentials": {"api_key": GOOD_KEY}}
Json = dict[str, Any]


async def _made(admin: httpx.AsyncClient, domain: str = "acme.example") -> Json:
    connection = (await admin.post("/api/v1/connections", json=CONNECTION | {"domain": domain})).json()["connection_id"]
    response = await admin.post(f"/api/v1/connections/{connection}/webhook")
    assert response.status_code == 201, response.text
    made: Json = response.json()
    return made


def _headers(made: Json) -> dict[str, str]:
    return {made["guide"]["header"]: made["secret"]}


async def _noted(house: House, made: Json, company_id: str = "acme") -> list[str]:
    async with house.services.database.open(company_id) as uow:
        return [each.original_id for each in await uow.nudges.due(made["connection_id"], None, 100)]


async def test_a_webhook_is_noted_and_its_secret_is_shown_once(house: House, client_as: As) -> None:
    admin, nobody = client_as(Role.ADMIN), client_as(None)
    made = await _made(admin)
    assert made["url"] == f"http://desklore.test/api/v1/webhooks/freshdesk/{made['connection_id']}"
    for body in ({"ticket_id": "12"}, {"ticket_id": 12}, {"freshdesk_webhook": {"ticket_id": 13}}):
        response = await nobody.post(made["url"], json=body, headers=_headers(made))
        assert (response.status_code, response.content) == (202, b"")
    assert sorted(await _noted(house, made)) == ["12", "13"]
    shown = (await admin.get(f"/api/v1/connections/{made['connection_id']}")).json()
    assert set(shown["webhook"]) == {"set_at", "registered"}
    kept = [path.read_bytes() for path in house.data_dir.glob("desklore.sqlite*")]
    assert not any(made["secret"].encode() in data for data in kept), "sealed"


async def test_strangers_learn_nothing(house: House, client_as: As) -> None:
    admin, nobody = client_as(Role.ADMIN), client_as(None)
    made = await _made(admin)
    silent = (await admin.post("/api/v1/connections", json=CONNECTION | {"platform": "paper"})).json()["connection_id"]
    right, body = _headers(made), {"ticket_id": "12"}
    tried = [
        (made["url"], {}),
        (made["url"], {"X-Desklore-Secret": "wrong"}),
        (made["url"].replace(made["connection_id"], "conn_unknown"), right),
        (made["url"].replace("freshdesk", "zendesk"), right),
        (made["url"].replace("freshdesk", "unheard"), right),
        (made["url"].replace(made["connection_id"], silent), right),
    ]
    answers = [await nobody.post(url, json=body, headers=headers) for url, headers in tried]
    assert {answer.status_code for answer in answers} == {401}
    told = [{k: v for k, v in answer.json()["error"].items() if k not in {"timestamp", "request_id"}} for answer in answers]
    assert all(each == told[0] for each in told), "the same whatever is wrong"
    assert told[0]["code"] == "webhook_rejected"
    assert await _noted(house, made) == []


async def test_bodies_that_are_no_use(house: House, client_as: As) -> None:
    nobody, made = client_as(None), await _made(client_as(Role.ADMIN))
    wanted = [(b"{", 422), (b"[]", 422), (b'{"ticket_id": null}', 422), (b" " * 249_000 + b"{", 422), (b" " * 300_000, 413)]
    statuses = [(await nobody.post(made["url"], content=body, headers=_headers(made))).status_code for body, _ in wanted]
    assert [400 if status == 400 else expected for (_, expected), status in zip(wanted, statuses, strict=True)] == statuses
    assert statuses[0] == 400
    assert await _noted(house, made) == []


async def test_rotating_and_closing(house: House, client_as: As) -> None:
    admin, nobody = client_as(Role.ADMIN), client_as(None)
    first = await _made(admin)
    path = f"/api/v1/connections/{first['connection_id']}/webhook"
    assert (await nobody.post(first["url"], json={"ticket_id": 1}, headers=_headers(first))).status_code == 202
    second = (await admin.post(path)).json()
    assert (first["rotated"], second["rotated"]) == (False, True)
    assert (await nobody.post(first["url"], json={"ticket_id": 2}, headers=_headers(first))).status_code == 401
    assert (await nobody.post(first["url"], json={"ticket_id": 3}, headers=_headers(second))).status_code == 202
    assert (await admin.delete(path)).status_code == 204
    assert (await nobody.post(first["url"], json={"ticket_id": 4}, headers=_headers(second))).status_code == 401
    assert sorted(await _noted(house, first)) == ["1", "3"]
    entries = (await admin.get("/api/v1/audit")).json()["items"]
    assert [each["action"] for each in entries if each["action"].startswith("webhook")] == [
        "webhook.delete",
        "webhook.rotate",
        "webhook.create",
    ]
    assert first["secret"] not in str(entries)


async def test_who_may_set_it_up(client_as: As) -> None:
    made = await _made(client_as(Role.ADMIN))
    path = f"/api/v1/connections/{made['connection_id']}/webhook"
    for role in (Role.AGENT, Role.MEMBER, Role.VIEWER):
        assert (await client_as(role).post(path)).status_code == 403
    assert (await client_as(None).post(path)).status_code == 401
    assert (await client_as(Role.ADMIN).post(path, json={"signing_secret": "x" * 40})).status_code == 422, "it is told ours"


async def test_two_tenants_with_the_same_ticket_stay_apart(house: House, client_as: As) -> None:
    nobody = client_as(None)
    acme, bravo = await _made(client_as(Role.ADMIN)), await _made(client_as(Role.ADMIN, "bravo"), "bravo.example")
    body = {"ticket_id": 101, "company_id": "acme"}
    assert (await nobody.post(acme["url"], json=body, headers=_headers(bravo))).status_code == 401
    answer = await nobody.post(bravo["url"], json=body, headers=_headers(bravo) | {"X-Company-Id": "acme"})
    assert answer.status_code == 202
    assert await _noted(house, acme) == []
    assert await _noted(house, bravo, "bravo") == ["101"]
    async with house.services.database.open("acme") as uow:
        assert await uow.nudges.due(bravo["connection_id"], clock.now(), 10) == []


async def test_a_flood_is_held_up_by_connection_and_a_stranger_by_address(house: House, client_as: As) -> None:
    acme, bravo = await _made(client_as(Role.ADMIN)), await _made(client_as(Role.ADMIN, "bravo"), "bravo.example")
    rates = LimitedRates({RateScope.WEBHOOK: "2/minute", RateScope.ADDRESS: "3/minute"})
    app = create_app(replace(house.services), house.auth, render_metrics=house.meter.render, rates=rates)
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as nobody:
            sent = [await nobody.post(acme["url"], json={"ticket_id": n + 1}, headers=_headers(acme)) for n in range(4)]
            assert [answer.status_code for answer in sent] == [202, 202, 429, 429]
            assert int(sent[-1].headers["Retry-After"]) > 0
            assert (await nobody.post(bravo["url"], json={"ticket_id": 1}, headers=_headers(bravo))).status_code == 202
            strange = [await nobody.post(bravo["url"], json={"ticket_id": 1}) for _ in range(4)]
            assert [answer.status_code for answer in strange] == [401, 401, 401, 429]
    finally:
        await app.state.inbox.close()
        await app.state.authenticator.close()
        await rates.close()
