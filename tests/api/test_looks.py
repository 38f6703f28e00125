"""Looks are counted and written beside requests, documents and files one by one, and operators' doings are theirs to read."""

import httpx
import pytest
from fastapi import FastAPI

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House

AUDIT = "/api/v1/audit"


async def told(client: httpx.AsyncClient, **asked: str) -> list[dict[str, object]]:
    return list((await client.get(AUDIT, params=asked)).json()["items"])


async def test_searches_and_questions_are_counted_by_caller(searchable: House, app: FastAPI, client_as: As) -> None:
    admin, agent, bravo = client_as(Role.ADMIN), client_as(Role.AGENT), client_as(Role.AGENT, "bravo")
    for _ in range(3):
        await agent.post("/api/v1/search", json={"query": "환불"})
    await agent.post("/api/v1/query", json={"question": "환불이 지연됩니다"})
    await admin.post("/api/v1/search", json={"query": "환불"})
    await bravo.post("/api/v1/search", json={"query": "환불"})
    assert await told(admin, action="search") == [], "no request waits for a write"
    await app.state.looks.write()
    found = await told(admin, action="search")
    assert sorted((each["details"]["count"] for each in found), key=int) == ["1", "3"]  # type: ignore[index]  # JSON
    assert len({each["actor"] for each in found}) == 2
    assert [each["details"]["count"] for each in await told(admin, action="query")] == ["1"]  # type: ignore[index]  # JSON
    assert [each["details"]["count"] for each in await told(client_as(Role.ADMIN, "bravo"), action="search")] == ["1"]  # type: ignore[index]  # JSON
    await app.state.looks.write()
    assert len(await told(admin, action="search")) == 2, "counted once"


async def test_who_may_not_is_not_counted_and_a_thumb_is_no_look(house: House, app: FastAPI, client_as: As) -> None:
    viewer, admin = client_as(Role.VIEWER), client_as(Role.ADMIN)
    assert (await viewer.get("/api/v1/feedback")).status_code == 403
    await viewer.get("/api/v1/documents")
    await app.state.looks.write()
    assert len(await told(admin, action="documents.list")) == 1
    assert await told(admin, action="feedback.list") == []


async def test_what_cannot_be_written_now_is_written_later(house: House, app: FastAPI, client_as: As) -> None:
    await client_as(Role.AGENT).post("/api/v1/search", json={"query": "환불"})
    async with house.services.database.directory() as directory:
        await directory.delete_tenant("bravo")
    await app.state.looks.write()
    assert len(await told(client_as(Role.ADMIN), action="search")) == 1


async def test_the_operator_reads_what_operators_did(client_as: As) -> None:
    operator = client_as(Role.OPERATOR)
    for company in ("one", "two"):
        assert (await operator.post("/api/v1/tenants", json={"company_id": company, "name": company})).status_code == 201
    await operator.get("/api/v1/tenants/acme")
    await operator.delete("/api/v1/tenants/two")
    listed = (await operator.get("/api/v1/operator/audit", params={"limit": 2})).json()
    assert [(each["action"], each["target"]) for each in listed["items"]] == [("tenant.delete", "two"), ("tenant.create", "two")]
    rest = (await operator.get("/api/v1/operator/audit", params={"after": listed["next"], "action": "tenant.create"})).json()
    assert [each["target"] for each in rest["items"]][:1] == ["one"]
    assert [each["actor"] for each in await told(client_as(Role.ADMIN), action="tenant.read")] == ["operator"]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AGENT, None])
async def test_nobody_else_reads_it(client_as: As, role: Role | None) -> None:
    assert (await client_as(role).get("/api/v1/operator/audit")).status_code in (401, 403)
