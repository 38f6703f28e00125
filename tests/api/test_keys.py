"""API keys over HTTP: shown once, scoped, revoked at once."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from fastapi import FastAPI

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House


def _with(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_key_is_shown_once_and_stored_as_a_hash(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    made = (await admin.post("/api/v1/keys", json={"name": "사이드바", "role": "agent"})).json()
    assert made["api_key"].startswith("dk_")
    assert len(made["api_key"]) == 57
    listed = await admin.get("/api/v1/keys")
    assert made["api_key"] not in listed.text
    assert [each["name"] for each in listed.json()["items"]][-1] == "사이드바"
    assert "key_hash" not in listed.text
    for file in house.data_dir.glob("desklore.sqlite*"):
        assert made["api_key"].encode() not in file.read_bytes()


async def test_a_revoked_key_stops_at_once(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    made = (await admin.post("/api/v1/keys", json={"name": "x", "role": "viewer"})).json()
    anyone = client_as(None)
    assert (await anyone.get("/api/v1/me", headers=_with(made["api_key"]))).status_code == 200
    token = (await anyone.post("/api/v1/auth/token", json={"subject": "a"}, headers=_with(made["api_key"]))).json()["access_token"]
    assert (await anyone.get("/api/v1/me", headers=_with(token))).status_code == 200
    revoked = await admin.delete(f"/api/v1/keys/{made['key_id']}")
    assert revoked.json()["revoked_at"]
    for credential in (made["api_key"], token):
        refused = await anyone.get("/api/v1/me", headers=_with(credential))
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_revoked")
    again = (await admin.delete(f"/api/v1/keys/{made['key_id']}")).json()
    # When a key was last used is noted behind the answer.
    assert again | {"last_used_at": None} == revoked.json() | {"last_used_at": None}
    assert (await admin.delete("/api/v1/keys/key_nobody")).json()["error"]["code"] == "key_not_found"


async def test_an_expired_key_says_so(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    made = (await admin.post("/api/v1/keys", json={"name": "x", "role": "viewer", "expires_at": soon.isoformat()})).json()
    anyone = client_as(None)
    assert (await anyone.get("/api/v1/me", headers=_with(made["api_key"]))).status_code == 200
    with time_machine.travel(soon + timedelta(seconds=1), tick=False):
        refused = await anyone.get("/api/v1/me", headers=_with(made["api_key"]))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_expired")
    past = {"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}
    assert (await admin.post("/api/v1/keys", json=past)).status_code == 422


@pytest.mark.parametrize("role", [Role.AGENT, Role.MEMBER, Role.VIEWER])
async def test_only_admins_make_keys(client_as: As, role: Role) -> None:
    refused = await client_as(role).post("/api/v1/keys", json={"name": "x", "role": "viewer"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


async def test_nobody_gives_away_what_they_lack(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    made = (await admin.post("/api/v1/keys", json={"name": "x", "role": "admin", "scopes": ["keys", "query"]})).json()
    assert made["scopes"] == ["keys", "query"]
    narrow = client_as(None)
    headers = _with(made["api_key"])
    assert (await narrow.post("/api/v1/keys", json={"name": "x", "role": "agent"}, headers=headers)).status_code == 403
    assert (
        await narrow.post("/api/v1/keys", json={"name": "x", "role": "viewer", "scopes": ["query"]}, headers=headers)
    ).status_code == 201
    assert (await narrow.get("/api/v1/connections", headers=headers)).status_code == 403
    outside = await admin.post("/api/v1/keys", json={"name": "x", "role": "viewer", "scopes": ["keys"]})
    assert outside.status_code == 422
    assert (await admin.post("/api/v1/keys", json={"name": "x", "role": "operator"})).status_code == 422


async def test_use_is_noted(app: FastAPI, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    assert (await admin.get("/api/v1/me")).status_code == 200
    await app.state.authenticator.close()
    [used] = [each for each in (await admin.get("/api/v1/keys")).json()["items"] if each["name"] == "admin key"]
    assert used["last_used_at"]
