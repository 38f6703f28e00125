"""Exports of everything that is kept of a company over HTTP: who may, how one goes, what is in it, and when it is gone."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from backend.core import clock
from backend.core.model.tenant import Role
from backend.core.usecases.exports import run_export
from tests.api.conftest import As
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import RECEIPT, House

PATH = "/api/v1/exports"


async def made(house: House, client: httpx.AsyncClient, company: str = "acme") -> dict[str, Any]:
    """An export that was written."""
    begun = await client.post(PATH)
    assert begun.status_code == 202, begun.text
    export_id = begun.json()["export_id"]
    assert begun.headers["location"] == f"{PATH}/{export_id}"
    assert await run_export(house.services, company, export_id) is None
    done: dict[str, Any] = (await client.get(f"{PATH}/{export_id}")).json()
    assert done["state"] == "done", done
    return done


async def actions(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    entries = (await client.get("/api/v1/audit")).json()["items"]
    return [(each["action"], each["target"]) for each in reversed(entries) if each["action"].startswith("export.")]


async def test_everything_of_the_company_and_nothing_of_another(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    connection = {"platform": "paper", "domain": "acme.example", "credentials": {"api_key": GOOD_KEY}}
    assert (await admin.post("/api/v1/connections", json=connection)).status_code == 201
    signing = await admin.post("/api/v1/keys", json={"name": "signs", "role": "viewer", "signing": True})
    assert signing.status_code == 201, signing.text
    async with house.services.database.open("acme") as uow:
        sealed = [key.signing.token for key in await uow.keys.list() if key.signing is not None]
    assert sealed
    done = await made(house, admin)
    given = await admin.get(f"{PATH}/{done['export_id']}/download")
    assert (given.status_code, given.headers["content-type"]) == (200, "application/zip")
    assert given.headers["content-length"] == str(done["size"]) == str(len(given.content))
    assert given.headers["content-disposition"].startswith('attachment; filename="desklore-acme-')
    assert given.headers["cache-control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(given.content)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    tables = {name.removesuffix(".jsonl"): data.decode() for name, data in files.items() if name.endswith(".jsonl")}
    assert {name: len(text.splitlines()) for name, text in tables.items()} == done["rows"]
    assert tables.keys() >= {"tenants", "documents", "attachments", "connections", "feedback", "usage", "runs", "audit", "erasures"}
    assert {json.loads(line)["company_id"] for text in tables.values() for line in text.splitlines()} == {"acme"}
    assert RECEIPT in [data for name, data in files.items() if name.startswith("files/attachments/")]
    assert len([name for name in files if name.startswith("files/")]) == done["files"]
    everything = b"".join(files.values())
    for secret in (
        GOOD_KEY.encode(),
        b"sealed_data_key",
        b"key_hash",
        b"bravo",
        *(text.encode() for text in sealed),
        *(key.encode() for key in house.api_keys.values()),
    ):
        assert secret not in everything, secret
    again = await made(house, admin)
    names = zipfile.ZipFile(io.BytesIO((await admin.get(f"{PATH}/{again['export_id']}/download")).content)).namelist()
    assert not [name for name in names if name.startswith("files/exports")], "no export holds another one"


async def test_ranges_as_of_any_file(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    path = f"{PATH}/{(await made(house, admin))['export_id']}/download"
    whole = await admin.get(path)
    part = await admin.get(path, headers={"Range": "bytes=100-199", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert (await admin.get(path, headers={"Range": "bytes=-50"})).content == whole.content[-50:]
    outside = await admin.get(path, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (outside.status_code, outside.json()["error"]["code"]) == (416, "range_not_satisfiable")


async def test_one_at_a_time_in_each_company(house: House, client_as: As) -> None:
    admin, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    first = (await admin.post(PATH)).json()
    assert (first["state"], first["size"], first["expires_at"]) == ("queued", 0, None)
    second = await admin.post(PATH)
    assert (second.status_code, second.json()["error"]["code"]) == (409, "export_active")
    assert second.json()["error"]["details"] == {"export_id": first["export_id"]}
    assert (await bravo.post(PATH)).status_code == 202, "the other company's is its own matter"
    early = await admin.get(f"{PATH}/{first['export_id']}/download")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "export_not_ready")
    stopped = await admin.delete(f"{PATH}/{first['export_id']}")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "queued")
    assert await run_export(house.services, "acme", first["export_id"]) is None
    assert (await admin.get(PATH)).json() == {"items": []}
    assert (await admin.post(PATH)).status_code == 202


async def test_it_is_deleted_with_its_file_and_each_step_is_in_the_audit_log(house: House, client_as: As) -> None:
    admin, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    kept = (await made(house, bravo, "bravo"))["export_id"]
    export_id = (await made(house, admin))["export_id"]
    blobs = house.services.blobs.open("acme")
    assert await blobs.list("exports") == [f"exports/{export_id}/1.zip"]
    await admin.get(f"{PATH}/{export_id}/download")
    for method, path in (("GET", ""), ("GET", "/download"), ("DELETE", "")):
        refused = await bravo.request(method, f"{PATH}/{export_id}{path}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "export_not_found")
    assert [each["export_id"] for each in (await bravo.get(PATH)).json()["items"]] == [kept]
    assert (await admin.delete(f"{PATH}/{export_id}")).json()["state"] == "done"
    assert await blobs.list("exports") == []
    assert (await admin.get(f"{PATH}/{export_id}/download")).status_code == 404
    assert await actions(admin) == [("export.start", export_id), ("export.download", export_id), ("export.delete", export_id)]
    assert await actions(bravo) == [("export.start", kept)]
    assert await house.services.blobs.open("bravo").list("exports") == [f"exports/{kept}/1.zip"]


async def test_one_whose_time_is_up_is_gone_before_anybody_has_deleted_it(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    done = await made(house, admin)
    async with house.services.database.open("acme", write=True) as uow:
        export = await uow.exports.get(done["export_id"])
        assert export is not None
        assert export.expires_at is not None
        assert export.finished_at is not None
        assert export.expires_at - export.finished_at == timedelta(days=7)
        await uow.exports.put(msgspec.structs.replace(export, expires_at=clock.now()))
    assert (await admin.get(PATH)).json() == {"items": []}
    for path in ("", "/download"):
        assert (await admin.get(f"{PATH}/{done['export_id']}{path}")).status_code == 404


async def test_a_file_that_is_gone_or_cut_off_is_not_given(house: House, client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    done = await made(house, admin)
    await house.services.blobs.open("acme").put(f"exports/{done['export_id']}/1.zip", b"PK")
    refused = await admin.get(f"{PATH}/{done['export_id']}/download")
    assert (refused.status_code, "start another" in refused.json()["error"]["message"]) == (404, True)


async def test_a_deleted_tenants_exports_are_gone(house: House, client_as: As) -> None:
    await made(house, client_as(Role.ADMIN))
    begun = (await client_as(Role.ADMIN).post(PATH)).json()["export_id"]
    erased = await client_as(Role.OPERATOR).delete("/api/v1/tenants/acme")
    assert erased.json()["left"] == {"rows": 0, "files": 0, "points": 0}
    assert await run_export(house.services, "acme", begun) is None
    assert await house.services.blobs.open("acme").list("") == []


@pytest.fixture
async def few(client_as: As) -> httpx.AsyncClient:
    """An admin who may not see private notes."""
    body = {"name": "few", "role": "admin", "scopes": ["settings", "documents:read"]}
    key = (await client_as(Role.ADMIN).post("/api/v1/keys", json=body)).json()["api_key"]
    client = client_as(None)
    client.headers["Authorization"] = f"Bearer {key}"
    return client


@pytest.mark.parametrize("role", [Role.AGENT, Role.MEMBER, Role.VIEWER, Role.OPERATOR, None, "few"])
async def test_only_an_admin_who_may_see_everything_may(
    house: House, client_as: As, role: Role | str | None, few: httpx.AsyncClient
) -> None:
    export_id = (await made(house, client_as(Role.ADMIN)))["export_id"]
    client = few if role == "few" else client_as(role)
    for method, path in (
        ("POST", ""),
        ("GET", ""),
        ("GET", f"/{export_id}"),
        ("GET", f"/{export_id}/download"),
        ("DELETE", f"/{export_id}"),
    ):
        assert (await client.request(method, f"{PATH}{path}")).status_code in (401, 403), (method, path)
    assert len((await client_as(Role.ADMIN).get(PATH)).json()["items"]) == 1
