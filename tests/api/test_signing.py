"""Signed requests: what is taken, once, and everything that is not."""

import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from fastapi import FastAPI

from backend.api.app import create_app
from backend.core.model.signing import SignedRequest, signature_of
from backend.core.model.tenant import Role, Secret
from backend.storage.inprocess.cache import InProcessCaches
from backend.storage.redis.cache import RedisCaches
from tests.api.conftest import As
from tests.api.house import House

ME = "/api/v1/me"
SEARCH = "/api/v1/search"
QUESTION = '{"query": "환불이 지연됩니다"}'.encode()


async def make(client_as: As, company_id: str = "acme", **wanted: Any) -> dict[str, Any]:
    body = {"name": "서버", "role": "agent", "signing_only": True} | wanted
    made = await client_as(Role.ADMIN, company_id).post("/api/v1/keys", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def sign(key: dict[str, Any], method: str, target: str, body: bytes = b"", *, nonce: str = "", at: float | None = None) -> dict[str, str]:
    request = SignedRequest(
        key_id=key["key_id"],
        timestamp=int(time.time() if at is None else at),
        nonce=nonce,
        method=method,
        target=target,
        body_sha256=hashlib.sha256(body).hexdigest(),
        signature="",
    )
    signature = signature_of(Secret(key["signing_secret"]), request)
    said = f"HMAC key_id={request.key_id}, timestamp={request.timestamp}, nonce={nonce}, signature={signature}"
    headers = {"Authorization": said if nonce else said.replace(" nonce=,", "")}
    return headers | ({"X-Content-SHA256": request.body_sha256, "Content-Type": "application/json"} if body else {})


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


INVALID = (401, "signature_invalid")


async def test_a_signed_request_is_its_keys(searchable: House, client_as: As) -> None:
    key = await make(client_as)
    assert key["api_key"] is None
    assert key["signing_secret"].startswith("dks_")
    anyone = client_as(None)
    me = (await anyone.get(ME, headers=sign(key, "GET", ME))).json()
    assert (me["company_id"], me["key_id"], me["role"]) == ("acme", key["key_id"], "agent")
    found = await anyone.post(SEARCH, content=QUESTION, headers=sign(key, "POST", SEARCH, QUESTION))
    assert found.status_code == 200
    assert "(acme)" in found.text
    assert "(bravo)" not in found.text
    target = "/api/v1/documents?search=%ED%99%98%EB%B6%88&limit=5"
    assert (await anyone.get(target, headers=sign(key, "GET", target))).status_code == 200
    for file in searchable.data_dir.glob("desklore.sqlite*"):
        assert key["signing_secret"].encode() not in file.read_bytes()
    listed = await client_as(Role.ADMIN).get("/api/v1/keys")
    assert key["signing_secret"] not in listed.text
    assert [(each["signs"], each["signing_only"]) for each in listed.json()["items"] if each["key_id"] == key["key_id"]] == [(True, True)]
    entries = (await client_as(Role.ADMIN).get("/api/v1/audit")).json()["items"]
    assert {"signing": "only"}.items() <= next(each["details"] for each in entries if each["action"] == "key.create").items()


async def test_a_key_may_do_both_and_a_token_comes_of_either(client_as: As) -> None:
    key, plain = await make(client_as, signing_only=False, signing=True), await make(client_as, signing_only=False)
    anyone = client_as(None)
    assert (await anyone.get(ME, headers={"X-API-Key": key["api_key"]})).status_code == 200
    assert (await anyone.get(ME, headers=sign(key, "GET", ME))).status_code == 200
    assert plain["signing_secret"] is None
    assert code_of(await anyone.get(ME, headers=sign(plain | {"signing_secret": "dks_guess"}, "GET", ME))) == INVALID
    body = b'{"subject": "agent-42"}'
    token = await anyone.post("/api/v1/auth/token", content=body, headers=sign(key, "POST", "/api/v1/auth/token", body))
    assert (await anyone.get(ME, headers={"Authorization": f"Bearer {token.json()['access_token']}"})).json()["subject"] == "agent-42"


async def test_a_signature_is_taken_once(client_as: As) -> None:
    key, other = await make(client_as), await make(client_as, "bravo")
    anyone = client_as(None)
    once = sign(key, "GET", ME)
    assert (await anyone.get(ME, headers=once)).status_code == 200
    again = await anyone.get(ME, headers=once)
    assert code_of(again) == INVALID
    assert "before" in again.json()["error"]["message"]
    assert (await anyone.get(ME, headers=sign(key, "GET", ME, nonce="2"))).status_code == 200
    assert (await anyone.get(ME, headers=sign(other, "GET", ME))).json()["company_id"] == "bravo"


async def test_nothing_of_it_can_be_changed(client_as: As) -> None:
    key, other = await make(client_as), await make(client_as, "bravo")
    anyone = client_as(None)
    good = sign(key, "POST", SEARCH, QUESTION, nonce="n")
    changed = QUESTION.replace("환불".encode(), "배송".encode())
    tries = [
        anyone.get(SEARCH, headers=good),
        anyone.post(SEARCH + "?x=1", content=QUESTION, headers=good),
        anyone.post("/api/v1/query", content=QUESTION, headers=good),
        anyone.post(SEARCH, content=changed, headers=good),
        anyone.post(SEARCH, content=changed, headers=good | {"X-Content-SHA256": hashlib.sha256(changed).hexdigest()}),
        anyone.post(SEARCH, content=QUESTION, headers={k: v for k, v in good.items() if k != "X-Content-SHA256"}),
        anyone.post(SEARCH, content=QUESTION, headers=good | {"Authorization": good["Authorization"].replace("nonce=n", "nonce=m")}),
        anyone.post(
            SEARCH, content=QUESTION, headers=good | {"Authorization": good["Authorization"].replace(key["key_id"], other["key_id"])}
        ),
    ]
    for each in tries[1:]:
        assert code_of(await each) == INVALID
    assert (await tries[0]).status_code in (401, 405)
    assert (await anyone.post(SEARCH, content=QUESTION, headers=good)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "HMAC",
        "HMAC key_id=k",
        "HMAC key_id=k, timestamp=x, signature=" + "0" * 64,
        "HMAC key_id=k, timestamp=1, signature=" + "0" * 63,
        "HMAC key_id=k, timestamp=1, signature=" + "0" * 64 + ", color=red",
        "HMAC key_id=key_nobody, timestamp=1, signature=" + "0" * 64,
        "HMAC key_id=k, key_id=l, timestamp=1, signature=" + "0" * 64,
    ],
)
async def test_what_is_no_signature(client_as: As, header: str) -> None:
    refused = await client_as(None).get(ME, headers={"Authorization": header})
    assert refused.status_code == 401
    assert (await client_as(Role.AGENT).get(ME, headers={"Authorization": header, "X-API-Key": "dk_x"})).status_code == 401


async def test_only_what_was_signed_lately(house: House, client_as: As) -> None:
    key = await make(client_as)
    anyone = client_as(None)
    late = await anyone.get(ME, headers=sign(key, "GET", ME, at=time.time() + 301))
    assert code_of(late) == INVALID
    assert "clock" in late.json()["error"]["message"]
    signed = sign(key, "GET", ME)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=302), tick=False):
        assert code_of(await anyone.get(ME, headers=signed)) == INVALID
    # A process that began after it was signed can't know whether the one before took it.
    began = await anyone.get(ME, headers=sign(key, "GET", ME, at=time.time() - 120))
    assert code_of(began) == INVALID
    assert "started" in began.json()["error"]["message"]


async def test_revoked_and_expired_keys_sign_nothing(client_as: As) -> None:
    anyone, soon = client_as(None), datetime.now(UTC) + timedelta(minutes=4)
    key, short = await make(client_as), await make(client_as, expires_at=soon.isoformat())
    assert (await anyone.get(ME, headers=sign(key, "GET", ME))).status_code == 200
    assert (await client_as(Role.ADMIN).delete(f"/api/v1/keys/{key['key_id']}")).status_code == 200
    assert code_of(await anyone.get(ME, headers=sign(key, "GET", ME, nonce="2"))) == (401, "key_revoked")
    with time_machine.travel(soon + timedelta(seconds=1), tick=False):
        assert code_of(await anyone.get(ME, headers=sign(short, "GET", ME))) == (401, "key_expired")


async def test_a_streamed_file_is_checked_on_its_way_and_limits_hold(client_as: As) -> None:
    key = await make(client_as, role="admin")
    anyone = client_as(None)
    listed = (await client_as(Role.ADMIN).get("/api/v1/connections")).json()["items"]
    assert listed == []
    connection = {"platform": "freshdesk", "domain": "acme.example", "credentials": {"api_key": "paper-key"}}
    made = (await client_as(Role.ADMIN).post("/api/v1/connections", json=connection)).json()
    target = f"/api/v1/connections/{made['connection_id']}/imports"
    file = b"PK" + bytes(300_000)
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n' + file + b"\r\n--b--\r\n"

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    for body, kind in ((file, {"Content-Type": "application/zip"}), (form, multipart)):
        headers = sign(key, "POST", target, body, nonce=kind["Content-Type"][:5]) | kind
        # Taken to its end, and found to be no export.
        assert code_of(await anyone.post(target, content=pieces(body), headers=headers))[1] == "export_unsupported"
        headers = sign(key, "POST", target, body, nonce="again" + kind["Content-Type"][:5]) | kind
        refused = await anyone.post(target, content=pieces(body + b"more"), headers=headers)
        assert code_of(refused) == INVALID
        assert "X-Content-SHA256" in refused.json()["error"]["message"]
    large = b'{"query": "' + b"x" * 260_000 + b'"}'
    assert code_of(await anyone.post(SEARCH, content=large, headers=sign(key, "POST", SEARCH, large))) == (413, "body_too_large")


@pytest.mark.parametrize("caches", ["memory", "redis"])
async def test_processes_that_share_take_it_once(house: House, client_as: As, request: pytest.FixtureRequest, caches: str) -> None:
    key = await make(client_as)
    one = InProcessCaches()
    made = [RedisCaches(request.getfixturevalue("redis_url")) for _ in range(2)] if caches == "redis" else [one, one]
    apps: list[FastAPI] = [create_app(replace(house.services, caches=each), house.auth, render_metrics=house.meter.render) for each in made]
    headers = sign(key, "GET", ME)
    statuses = []
    for app in apps:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desklore.test") as client:
            statuses.append((await client.get(ME, headers=headers)).status_code)
        await app.state.authenticator.close()
    assert statuses == [200, 401]
    for each in made:
        if isinstance(each, RedisCaches):
            await each.close()
