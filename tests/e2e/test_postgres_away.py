"""PostgreSQL is killed and comes back: callers are told to try again, work goes on by itself, nothing is lost or done twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.model.document import DocState
from backend.storage.sql.engine import upgrade
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_postgres import on
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.postgres import MISSING, Cluster, PostgresDatabase, database_at, installed_binaries, make_database


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """A cluster that the test may stop."""
    binaries = installed_binaries()
    if binaries is None:
        pytest.skip(MISSING)
    made = await asyncio.to_thread(Cluster.make, binaries)
    await asyncio.to_thread(made.start)
    yield made
    await asyncio.to_thread(made.stop)
    made.remove()


@pytest.fixture
async def own(cluster: Cluster) -> PostgresDatabase:
    """A database in it."""
    await make_database(cluster.admin_url, "desklore")
    made = database_at(cluster.admin_url, "desklore")
    await asyncio.to_thread(upgrade, made.url, made.owner_url)
    return made


async def is_told_to_come_back(trip: Trip, tenant: Tenant) -> None:
    """503 in the one shape of errors, with Retry-After; the process itself lives."""
    for answer in (await tenant.client.get("/api/v1/documents"), await tenant.client.post("/api/v1/query", json={"question": "결제"})):
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"]["code"] == "storage_unavailable"
        assert "desklore_test_app" not in answer.text
        assert int(answer.headers["Retry-After"]) >= 1
    assert (await trip.anonymous.get("/health/live")).status_code == 200
    ready = await trip.anonymous.get("/health/ready")
    assert (ready.status_code, ready.json()["error"]["code"]) == (503, "storage_unavailable")
    assert ready.headers["Retry-After"]


async def test_a_sync_outlives_kills_of_the_database(tmp_path: Path, cluster: Cluster, own: PostgresDatabase) -> None:
    async with running_sandbox(SandboxOptions(tickets=40, latency_ms=15)) as sandbox, running_trip(tmp_path, **on(own)) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
        for _ in range(2):
            before = (await tenant.get(f"/runs/{run['run_id']}"))["counts"]["stored"]
            async with asyncio.timeout(60):
                while (now := await tenant.get(f"/runs/{run['run_id']}"))["counts"]["stored"] < before + 5 and now["state"] != "completed":
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(cluster.stop)
            await is_told_to_come_back(trip, tenant)
            await asyncio.to_thread(cluster.start)
            assert (await tenant.client.get("/api/v1/documents")).status_code == 200, "the first request after it finds a new connection"
        ended = await tenant.wait(run["run_id"])
        assert ended["state"] == "completed", ended
        await trip.settle("acme")
        async with trip.runtime.services.database.open("acme") as uow:
            documents, _ = await uow.documents.list(limit=1000)
        assert {document.state for document in documents} <= {DocState.INDEXED, DocState.SKIPPED}
        tickets = {str(each.id) for each in sandbox.account.tickets.values() if each.state == "live"}
        assert {document.original_id for document in documents if document.doc_type.value == "ticket"} == tickets
        again = await tenant.sync(mode="full")
        assert (again["counts"]["stored"], again["counts"]["llm_calls"]) == (0, 0)
