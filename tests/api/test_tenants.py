"""Onboarding, looking at and erasing tenants over HTTP."""

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House


async def test_onboard_look_give_a_key_and_use_it(client_as: As) -> None:
    operator = client_as(Role.OPERATOR)
    made = await operator.post("/api/v1/tenants", json={"company_id": "daehan", "name": "대한 상사"})
    assert made.status_code == 201
    assert set(made.json()) == {"company_id", "name", "created_at"}
    assert (await operator.get("/api/v1/tenants/daehan")).json() == made.json()
    assert [each["company_id"] for each in (await operator.get("/api/v1/tenants")).json()["items"]] == ["acme", "bravo", "daehan"]
    key = (await operator.post("/api/v1/tenants/daehan/keys", json={})).json()
    assert (key["role"], key["name"]) == ("admin", "first admin key")
    assert key["api_key"].startswith(key["prefix"] + "_")
    me = await client_as(None).get("/api/v1/me", headers={"X-API-Key": key["api_key"]})
    assert (me.json()["company_id"], me.json()["role"]) == ("daehan", "admin")


async def test_a_taken_or_bad_id_is_refused(client_as: As) -> None:
    operator = client_as(Role.OPERATOR)
    taken = await operator.post("/api/v1/tenants", json={"company_id": "acme", "name": "x"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "tenant_exists")
    for bad in ("A", "a", "-ab", "ab-", "a b", "a/b", "..", "가나", "a" * 64):
        refused = await operator.post("/api/v1/tenants", json={"company_id": bad, "name": "x"})
        assert refused.status_code == 422, bad
    for method, path in (("GET", "/api/v1/tenants/nobody"), ("DELETE", "/api/v1/tenants/nobody"), ("POST", "/api/v1/tenants/nobody/keys")):
        missing = await operator.request(method, path, json={} if method == "POST" else None)
        assert missing.json()["error"]["code"] == "tenant_not_found"


async def test_erasing_leaves_nothing_and_ends_every_key(searchable: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    assert (await admin.get("/api/v1/documents")).status_code == 200
    token = (await admin.post("/api/v1/auth/token", json={"subject": "kim"})).json()["access_token"]
    erased = (await client_as(Role.OPERATOR).delete("/api/v1/tenants/acme")).json()
    nothing = {"rows": 0, "files": 0, "points": 0}
    assert erased == {"company_id": "acme", "documents": 3, "connections": 0, "keys": 4, "points": 5, "files": 3, "left": nothing}
    assert (await admin.get("/api/v1/documents")).status_code == 401
    assert (await client_as(None).get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401
    assert await searchable.services.blobs.open("acme").list("") == []
    assert (await (await searchable.services.indexes.open("acme")).count()) == (0, 0)
    async with searchable.services.database.open("acme") as uow:
        assert (await uow.documents.list(), await uow.keys.list(), await uow.audit.list()) == (([], None), [], ([], None))
    assert len((await client_as(Role.ADMIN, "bravo").get("/api/v1/documents")).json()["items"]) == 3
