"""The audit log over HTTP: pages that nothing shifts, found by who, what and when, and each company's own."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from backend.core.model.tenant import AuditEntry, Role
from tests.api.conftest import As
from tests.api.house import House
from tests.contract.records import START

PATH = "/api/v1/audit"
SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture
async def told(house: House) -> House:
    """Ten entries of each of two companies, a minute apart, by two people in turn."""
    for company in ("acme", "bravo"):
        async with house.services.database.open(company) as uow:
            for n in range(10):
                action = "webhook.rotate" if n == 4 else "document.read"
                actor = "token:김상담" if n % 2 else f"key:{company}"
                await uow.audit.add(AuditEntry(at=START + timedelta(minutes=n), actor=actor, action=action, target=f"{company}-{n}"))
    return house


async def pages(client: httpx.AsyncClient, **asked: Any) -> list[str]:
    seen: list[str] = []
    while True:
        page = (await client.get(PATH, params=asked)).json()
        seen += [each["target"] for each in page["items"]]
        if page["next"] is None:
            return seen
        asked["after"] = page["next"]


async def test_pages_hold_every_entry_once(told: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN, "acme")
    assert await pages(admin, limit=3, until=(START + timedelta(hours=1)).isoformat()) == [f"acme-{n}" for n in range(9, -1, -1)]
    first = (await admin.get(PATH, params={"limit": 4})).json()
    async with told.services.database.open("acme") as uow:
        await uow.audit.add(AuditEntry(at=START + timedelta(days=900), actor="operator", action="later", target="later"))
    second = (await admin.get(PATH, params={"limit": 1, "after": first["next"]})).json()["items"]
    assert second == (await admin.get(PATH, params={"limit": 6})).json()["items"][5:], "what came meanwhile moves nothing"


async def test_entries_are_found_by_who_what_and_when(told: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN, "acme")
    assert await pages(admin, actor="token:김상담", limit=2) == [f"acme-{n}" for n in (9, 7, 5, 3, 1)]
    assert await pages(admin, action="webhook.rotate") == ["acme-4"]
    assert await pages(admin, action="webhook.rotate", actor="token:김상담") == []
    within = {"since": (START + timedelta(minutes=2)).isoformat(), "until": (START + timedelta(minutes=5)).astimezone(SEOUL).isoformat()}
    assert await pages(admin, **within) == ["acme-4", "acme-3", "acme-2"]
    for asked in ({"after": "nonsense"}, {"limit": 0}, {"since": "2026-03-01T00:00:00"}, {"until": "0001-01-01T00:00:00+14:00"}):
        assert (await admin.get(PATH, params=asked)).status_code == 422, asked


async def test_a_company_sees_its_own_entries_only(told: House, client_as: As) -> None:
    acme, bravo = client_as(Role.ADMIN, "acme"), client_as(Role.ADMIN, "bravo")
    assert await pages(acme, actor="key:bravo") == []
    assert {target.split("-")[0] for target in await pages(bravo, actor="token:김상담", limit=2)} == {"bravo"}
    cursor = (await acme.get(PATH, params={"limit": 3})).json()["next"]
    assert "acme" not in (await bravo.get(PATH, params={"after": cursor})).text, "a cursor opens nobody else's log"
    assert (await client_as(Role.AGENT, "acme").get(PATH)).status_code == 403
