"""Schedules over HTTP: shown with the connection, changed by admins, refused with what to do."""

from typing import Any

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.helpdesk import GOOD_KEY

WANTED = {"platform": "paper", "domain": "desk.acme.example", "credentials": {"api_key": GOOD_KEY}}
DEFAULT = {"enabled": True, "every_seconds": 900, "cron": None, "timezone": "UTC"}
OFF = {"enabled": False, "every_seconds": None, "cron": None, "timezone": "UTC"}


async def test_a_new_connection_has_the_default_and_waits_for_its_first_sync(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    made = (await admin.post("/api/v1/connections", json=WANTED)).json()
    assert (made["schedule"], made["next_run_at"]) == (DEFAULT, None)
    path = f"/api/v1/connections/{made['connection_id']}/schedule"
    shown = (await admin.get(path)).json()
    assert shown == {"connection_id": made["connection_id"], "schedule": DEFAULT, "next_run_at": None, "last_run": None}
    run = (await admin.post("/api/v1/ingest", json={"connection_id": made["connection_id"]})).json()
    assert (run["scheduled"], run["stalls"]) == (False, 0)
    shown = (await admin.get(path)).json()
    assert shown["next_run_at"]
    assert shown["last_run"]["run_id"] == run["run_id"]
    off = (await admin.put(path, json={})).json()
    assert (off["schedule"], off["next_run_at"]) == (OFF, None)
    assert (await admin.get(f"/api/v1/connections/{made['connection_id']}")).json()["schedule"] == OFF
    nightly = (await admin.put(path, json={"cron": "0 3 * * *", "timezone": "Asia/Seoul"})).json()
    assert nightly["next_run_at"][10:16] in ("T18:00", "T18:01"), nightly
    assert "connection.schedule" in (await admin.get("/api/v1/audit")).text
    for role in (Role.AGENT, Role.MEMBER, Role.VIEWER):
        assert (await client_as(role).put(path, json={})).status_code == 403
        assert (await client_as(role).get(path)).status_code == 403
    for method in ("GET", "PUT"):
        foreign = await client_as(Role.ADMIN, "bravo").request(method, path, json={})
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "connection_not_found")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"every_seconds": 10}, "between 300 seconds and 30 days"),
        ({"every_seconds": 900, "cron": "0 3 * * *"}, "not both"),
        ({"cron": "* * * * *"}, "*/15 * * * *"),
        ({"cron": "새벽 세 시"}, "write five fields"),
        ({"cron": "0 3 * * *", "timezone": "Mars/Olympus"}, "Asia/Seoul"),
        ({"every": 900}, "every"),
    ],
)
async def test_what_cannot_be_followed_says_what_to_do(client_as: As, body: dict[str, Any], told: str) -> None:
    admin = client_as(Role.ADMIN)
    made = (await admin.post("/api/v1/connections", json=WANTED)).json()
    refused = await admin.put(f"/api/v1/connections/{made['connection_id']}/schedule", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
    assert told in refused.text
    assert (await admin.get(f"/api/v1/connections/{made['connection_id']}")).json()["schedule"] == DEFAULT
