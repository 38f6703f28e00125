"""Connections over HTTP: verified before they are kept, and without any secret in what comes back."""

from typing import Any

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.helpdesk import BAD_KEY, GOOD_KEY, OTHER_GOOD_KEY
from tests.api.house import House


def _body(key: str = GOOD_KEY, **changes: Any) -> dict[str, Any]:
    return {"platform": "paper", "domain": "Desk.Acme.example", "credentials": {"api_key": key}} | changes


async def test_connect_look_and_never_see_the_secret(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    made = await admin.post("/api/v1/connections", json=_body())
    assert made.status_code == 201, made.text
    connection = made.json()
    assert (connection["domain"], connection["state"]) == ("desk.acme.example", "active")
    assert connection["report"]["account_name"] == "종이 회사"
    assert connection["verified_at"]
    listed, one = await admin.get("/api/v1/connections"), await admin.get(f"/api/v1/connections/{connection['connection_id']}")
    assert listed.json()["items"] == [one.json()] == [connection]
    audit = await admin.get("/api/v1/audit")
    assert "connection.create" in audit.text
    for text in (made.text, listed.text, one.text, audit.text):
        assert GOOD_KEY not in text
        assert "credentials" not in text
    for file in house.data_dir.glob("desklore.sqlite*"):
        assert GOOD_KEY.encode() not in file.read_bytes()
    assert all(source.closed for source in house.helpdesks.opened)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (_body(BAD_KEY), 422, "source_credentials_rejected"),
        (_body(platform="fax"), 422, "platform_unknown"),
        (_body(domain="evil.test"), 422, "host_not_allowed"),
        (_body(base_url="http://169.254.169.254"), 422, "host_not_allowed"),
        (_body(credentials={}), 422, "invalid_request"),
        (_body(credentials={"api_key": " "}), 422, "invalid_request"),
        (_body(credentials={"api_key": "x", "token": "y"}), 422, "invalid_request"),
        (_body(credentials=None), 422, "invalid_request"),
    ],
)
async def test_what_does_not_work_is_not_kept(client_as: As, body: dict[str, Any], status: int, code: str) -> None:
    admin = client_as(Role.ADMIN)
    for path in ("/api/v1/connections", "/api/v1/connections/check"):
        refused = await admin.post(path, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
        assert BAD_KEY not in refused.text
    assert (await admin.get("/api/v1/connections")).json() == {"items": []}


async def test_one_connection_a_platform(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    first = (await admin.post("/api/v1/connections", json=_body())).json()
    second = await admin.post("/api/v1/connections", json=_body(domain="other.example"))
    assert (second.status_code, second.json()["error"]["code"]) == (409, "connection_exists")
    assert second.json()["error"]["details"] == {"connection_id": first["connection_id"]}
    assert (await admin.post("/api/v1/connections/check", json=_body())).status_code == 200
    assert (await client_as(Role.ADMIN, "bravo").post("/api/v1/connections", json=_body())).status_code == 201


async def test_pause_resume_rotate(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    path = f"/api/v1/connections/{(await admin.post('/api/v1/connections', json=_body())).json()['connection_id']}"
    assert (await admin.patch(path, json={"state": "paused"})).json()["state"] == "paused"
    assert (await admin.patch(path, json={"state": "active"})).json()["state"] == "active"
    rotated = await admin.patch(path, json={"credentials": {"api_key": OTHER_GOOD_KEY}})
    assert rotated.status_code == 200
    assert OTHER_GOOD_KEY not in rotated.text
    refused = await admin.patch(path, json={"credentials": {"api_key": BAD_KEY}})
    assert refused.json()["error"]["code"] == "source_credentials_rejected"
    # The refused key replaced nothing: the next check of a broken connection still uses the good one.
    assert (await admin.patch(path, json={"state": "broken"})).status_code == 422
    assert (await admin.patch(path, json={})).status_code == 422
    actions = [each["action"] for each in (await admin.get("/api/v1/audit")).json()["items"]]
    assert actions[:4] == ["connection.rotate", "connection.resume", "connection.pause", "connection.create"]


async def test_delete(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    path = f"/api/v1/connections/{(await admin.post('/api/v1/connections', json=_body())).json()['connection_id']}"
    gone = await admin.delete(path)
    assert gone.json()["documents"] == 0
    assert (await admin.get(path)).status_code == 404
    assert (await admin.delete(path)).status_code == 404
    assert (await admin.post("/api/v1/connections", json=_body())).status_code == 201
