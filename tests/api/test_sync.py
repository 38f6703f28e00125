"""Starting and watching syncs over HTTP."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from backend.core import clock
from backend.core.ingest.pipeline.progress import save_run
from backend.core.model.document import DocType
from backend.core.model.pace import Mark
from backend.core.model.sync import ItemFailure, RunCounts, RunState
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import House


async def _connection(client_as: As) -> str:
    body = {"platform": "paper", "domain": "acme.example", "credentials": {"api_key": GOOD_KEY}}
    return str((await client_as(Role.ADMIN).post("/api/v1/connections", json=body)).json()["connection_id"])


async def _end(house: House, run_id: str) -> None:
    async with house.services.database.open("acme", write=True) as uow:
        run = await uow.sync.get_run(run_id)
        assert run is not None
        await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.COMPLETED, finished_at=clock.now()))


async def _until_watched(house: House) -> None:
    for _ in range(1000):
        if "desklore_streams_open 1.0" in house.meter.render()[0].decode():
            return
        await asyncio.sleep(0.01)
    pytest.fail("nobody watches")


async def test_start_list_cancel(client_as: As) -> None:
    admin, connection_id = client_as(Role.ADMIN), await _connection(client_as)
    wanted = {"connection_id": connection_id, "mode": "full", "streams": ["tickets"], "limit": 5, "statuses": ["open"]}
    started = await admin.post("/api/v1/ingest", json=wanted)
    assert started.status_code == 202
    run = started.json()
    assert started.headers["location"] == f"/api/v1/runs/{run['run_id']}"
    assert (run["state"], run["options"]["limit"], run["options"]["statuses"]) == ("queued", 5, ["open"])
    twice = await admin.post("/api/v1/ingest", json=wanted)
    assert (twice.status_code, twice.json()["error"]["details"]["run_id"]) == (409, run["run_id"])
    agent = client_as(Role.AGENT)
    assert (await agent.get("/api/v1/runs")).json()["items"] == [(await agent.get(f"/api/v1/runs/{run['run_id']}")).json()]
    assert (await agent.post(f"/api/v1/runs/{run['run_id']}/cancel")).status_code == 403
    stopped = await admin.post(f"/api/v1/runs/{run['run_id']}/cancel")
    assert stopped.json()["state"] == "canceled"
    entries = (await admin.get("/api/v1/audit")).json()["items"]
    told = {each["action"]: each["request_id"] for each in entries if each["target"] == run["run_id"]}
    assert told == {"run.start": started.headers["x-request-id"], "run.cancel": stopped.headers["x-request-id"]}


async def test_runs_and_failures_come_page_by_page(house: House, client_as: As) -> None:
    admin, connection_id = client_as(Role.ADMIN), await _connection(client_as)
    begun = []
    for _ in range(5):
        begun.append((await admin.post("/api/v1/ingest", json={"connection_id": connection_id})).json()["run_id"])
        await _end(house, begun[-1])
    failed = [
        ItemFailure(doc_type=DocType.TICKET, original_id=f"한글|{n}", code="source_malformed", message="no id", at=clock.now())
        for n in range(5)
    ]
    async with house.services.database.open("acme") as uow:
        await uow.sync.put_failures(connection_id, failed)
    failures = f"/api/v1/connections/{connection_id}/failures"
    runs = await _pages(admin, "/api/v1/runs", connection_id=connection_id)
    assert ([run["run_id"] for run in runs[0] + runs[1] + runs[2]], [len(page) for page in runs]) == (begun[::-1], [2, 2, 1])
    told = await _pages(admin, failures)
    assert [item["original_id"] for page in told for item in page] == [failure.original_id for failure in failed]
    page = (await admin.get(failures, params={"limit": 2})).json()
    assert (page["total"], len(page["items"])) == (5, 2)
    for path in ("/api/v1/runs", failures):
        strange = await admin.get(path, params={"after": "page-2"})
        assert (strange.status_code, strange.json()["error"]["code"]) == (422, "invalid_request")


async def _pages(client: httpx.AsyncClient, path: str, **query: str) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    asked = {"limit": "2", **query}
    while not pages or "after" in asked:
        page = (await client.get(path, params=asked)).json()
        pages.append(page["items"])
        asked = {"limit": "2", **query} | ({"after": page["next"]} if page["next"] else {})
    return pages


async def test_what_can_not_be_started(client_as: As) -> None:
    admin, connection_id = client_as(Role.ADMIN), await _connection(client_as)
    bad: list[dict[str, Any]] = [
        {"streams": []},
        {"streams": ["poems"]},
        {"limit": 0},
        {"since": "2026-01-01T00:00:00"},
        {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
    ]
    for wrong in bad:
        assert (await admin.post("/api/v1/ingest", json={"connection_id": connection_id} | wrong)).status_code == 422, wrong
    await admin.patch(f"/api/v1/connections/{connection_id}", json={"state": "paused"})
    paused = await admin.post("/api/v1/ingest", json={"connection_id": connection_id})
    assert (paused.status_code, paused.json()["error"]["code"]) == (409, "connection_paused")


async def test_watching_a_run_to_its_end(house: House, client_as: As) -> None:
    admin, connection_id = client_as(Role.ADMIN), await _connection(client_as)
    run_id = (await admin.post("/api/v1/ingest", json={"connection_id": connection_id})).json()["run_id"]
    watching = asyncio.create_task(client_as(Role.AGENT).get(f"/api/v1/runs/{run_id}/events"))
    await _until_watched(house)
    await _end(house, run_id)
    text = (await watching).text
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert names == ["progress", "done"]
    last = json.loads(text.strip().splitlines()[-1].removeprefix("data: "))
    assert last == (await admin.get(f"/api/v1/runs/{run_id}")).json()
    assert "desklore_streams_open 0.0" in house.meter.render()[0].decode()


async def test_a_run_tells_its_pace_and_how_long_it_still_takes(house: House, client_as: As) -> None:
    admin, connection_id = client_as(Role.ADMIN), await _connection(client_as)
    run_id = (await admin.post("/api/v1/ingest", json={"connection_id": connection_id})).json()["run_id"]
    nothing = {"done": 0, "total": None, "rate": None, "eta_seconds": None}
    assert (await admin.get(f"/api/v1/runs/{run_id}")).json()["progress"] == nothing
    async with house.services.database.open("acme", write=True) as uow:
        run = await uow.sync.get_run(run_id)
        assert run is not None
        counts = msgspec.structs.replace(run.counts, processed=30, expected=90)
        now = clock.now()
        marks = (Mark(now - timedelta(seconds=10), 10), Mark(now, 30))
        await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.RUNNING, counts=counts, marks=marks))
    told = {"done": 30, "total": 90, "rate": 2.0, "eta_seconds": 30.0}
    assert (await admin.get(f"/api/v1/runs/{run_id}")).json()["progress"] == told
    [listed] = (await admin.get("/api/v1/runs")).json()["items"]
    assert listed["progress"] == told


async def test_a_run_that_is_saved_while_it_runs_is_marked(house: House, client_as: As) -> None:
    admin, connection_id = client_as(Role.ADMIN), await _connection(client_as)
    run_id = (await admin.post("/api/v1/ingest", json={"connection_id": connection_id})).json()["run_id"]
    async with house.services.database.open("acme", write=True) as uow:
        run = await uow.sync.get_run(run_id)
        assert run is not None
        run = await save_run(uow, msgspec.structs.replace(run, state=RunState.RUNNING, counts=RunCounts(unchanged=7)))
        assert [mark.done for mark in run.marks] == [7]
        assert (await save_run(uow, msgspec.structs.replace(run, state=RunState.WAITING))).marks == ()


async def test_failures_are_listed_without_their_payload(house: House, client_as: As) -> None:
    connection_id = await _connection(client_as)
    failure = ItemFailure(
        doc_type=DocType.TICKET, original_id="9", code="source_malformed", message="no id", at=clock.now(), raw=b"customer text"
    )
    async with house.services.database.open("acme") as uow:
        await uow.sync.put_failures(connection_id, [failure])
    response = await client_as(Role.AGENT).get(f"/api/v1/connections/{connection_id}/failures")
    [item] = response.json()["items"]
    assert (item["original_id"], item["code"], item["attempts"]) == ("9", "source_malformed", 1)
    assert "customer text" not in response.text


async def test_a_failure_is_seen_with_its_payload_tried_again_and_given_up(house: House, client_as: As) -> None:
    connection_id = await _connection(client_as)
    admin, path = client_as(Role.ADMIN), f"/api/v1/connections/{connection_id}/failures"
    failed = [
        ItemFailure(doc_type=DocType.TICKET, original_id=number, code="source_malformed", message="no id", at=clock.now(), raw=raw)
        for number, raw in (("9", '{"subject": "환불"}'.encode()), ("10", None), ("11", b"\xff<html>"))
    ]
    async with house.services.database.open("acme") as uow:
        await uow.sync.put_failures(connection_id, failed)
    assert (await admin.get(path, params={"limit": 2})).json()["total"] == 3
    shown = (await admin.get(f"{path}/ticket/9")).json()
    assert (shown["payload"], shown["code"]) == ('{"subject": "환불"}', "source_malformed")
    assert (await admin.get(f"{path}/ticket/10")).json()["payload"] is None
    assert "<html>" in (await admin.get(f"{path}/ticket/11")).json()["payload"]
    assert (await client_as(Role.AGENT).get(f"{path}/ticket/9")).status_code == 403
    unknown = await admin.get(f"{path}/ticket/12")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "failure_not_found")
    assert (await admin.delete(f"{path}/ticket/10")).status_code == 204
    assert (await admin.delete(f"{path}/ticket/10")).status_code == 404
    assert (await admin.post(f"{path}/retry", json={"items": [{"doc_type": "ticket", "original_id": "10"}]})).status_code == 404
    begun = await admin.post(f"{path}/retry", json={"items": [{"doc_type": "ticket", "original_id": "9"}]})
    assert (begun.status_code, begun.json()["options"]["mode"]) == (202, "failures")
    assert begun.headers["Location"].endswith(begun.json()["run_id"])
    assert (await admin.post(f"{path}/retry", json={})).json()["error"]["code"] == "run_active"
    audited = [entry["action"] for entry in (await admin.get("/api/v1/audit")).json()["items"]]
    assert {"failure.read", "failure.dismiss"} <= set(audited)
    refused = await admin.post("/api/v1/ingest", json={"connection_id": connection_id, "mode": "failures"})
    assert refused.status_code == 422
