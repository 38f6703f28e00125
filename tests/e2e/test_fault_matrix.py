"""Every fault at every endpoint that a sync calls: the run ends as the fault deserves, with words, and the next run completes the data.

The table is in fault_matrix.py. Runs are taken by the test itself, without workers: it is about what is read, and a case takes a moment.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.http import client
from backend.adapters.zendesk import comments
from backend.core.model.sync import ItemFailure, Run, RunMode, RunOptions, Stream
from backend.core.model.tenant import ROLE_SCOPES, Caller, Role
from backend.core.usecases.sync import cancel_run, get_run, run_sync, start_run
from sandbox.faults import Fault, Kind
from sandbox.serve import SandboxServer, ZendeskServer
from tests.e2e.fault_matrix import (
    BRANCH,
    CLASSES,
    FILE,
    FRESHDESK,
    ITEM,
    LIST,
    PASSING,
    SPARE,
    ZENDESK,
    ZENDESK_IN_BULK,
    Endpoint,
    kinds_at,
    running_helpdesk,
)
from tests.e2e.trip import Tenant, Trip, running_trip

OPERATOR = Caller(role=Role.OPERATOR, scopes=ROLE_SCOPES[Role.OPERATOR])
BULK = "zendesk in bulk"
PLATFORMS = {"freshdesk": FRESHDESK, "zendesk": ZENDESK, BULK: ZENDESK_IN_BULK}
ROLES = sorted({endpoint.role for table in PLATFORMS.values() for endpoint in table})
READ = "read"
Truth = dict[tuple[str, str], tuple[str, tuple[tuple[str, str | None], ...]]]


@dataclass
class Matrix:
    """A Desklore and one vendor's sandbox."""

    platform: str
    trip: Trip
    sandbox: SandboxServer | ZendeskServer
    tenants: int = 0

    async def tenant(self) -> Tenant:
        """A new company, connected."""
        self.tenants += 1
        made = await self.trip.onboard(f"acme{self.tenants}")
        if isinstance(self.sandbox, ZendeskServer):
            await made.connect_zendesk(self.sandbox)
        else:
            await made.connect(self.sandbox)
        return made

    def order(self, endpoint: Endpoint, kind: Kind, times: int | None = None) -> None:
        """Let an endpoint fail."""
        seconds = 30.0 if kind == "timeout" else 0.05
        self.sandbox.site.faults.add(Fault(match=endpoint.match, kind=kind, times=times, after=endpoint.after, seconds=seconds))

    async def run(self, tenant: Tenant, *streams: Stream, mode: RunMode = RunMode.INCREMENTAL) -> Run:
        """One run, as far as it goes."""
        services = self.trip.runtime.services
        options = RunOptions(mode=mode, streams=streams or tuple(Stream))
        started = await start_run(services, tenant.company_id, tenant.connection_id, options, caller=OPERATOR)
        await run_sync(services, tenant.company_id, started.run_id)
        return await get_run(services, tenant.company_id, started.run_id)

    async def end(self, tenant: Tenant, run: Run) -> None:
        """Documents are not processed here, so a run that has read everything would wait for that."""
        await cancel_run(self.trip.runtime.services, tenant.company_id, run.run_id, caller=OPERATOR)

    async def failures(self, tenant: Tenant) -> list[ItemFailure]:
        """What was set aside."""
        async with self.trip.runtime.services.database.open(tenant.company_id) as uow:
            found, _ = await uow.sync.list_failures(tenant.connection_id, limit=1000)
            return found

    async def stored(self, tenant: Tenant) -> Truth:
        """Every document's content, and its files' contents."""
        async with self.trip.runtime.services.database.open(tenant.company_id) as uow:
            documents, _ = await uow.documents.list(limit=1000)
            files: dict[str, list[tuple[str, str | None]]] = {}
            for file in await uow.attachments.of([document.document_id for document in documents]):
                files.setdefault(file.document_id, []).append((file.attachment_id, file.sha256))
        return {(d.doc_type.value, d.original_id): (d.content_hash, tuple(sorted(files.get(d.document_id, ())))) for d in documents}


@asynccontextmanager
async def running_matrix(platform: str, data: Path, sandbox: SandboxServer | ZendeskServer, **settings: Any) -> AsyncIterator[Matrix]:
    """A Desklore that soon gives up."""
    async with running_trip(data, jobs=False, connector_attempts=2, log_level="ERROR", **settings) as trip:
        yield Matrix(platform, trip, sandbox)


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each vendor. Who is not told how long to wait does not wait long; in bulk, a handful of tickets is many."""
    monkeypatch.setattr(client, "_UNTOLD_WAIT", 0.05)
    if request.param == BULK:
        monkeypatch.setattr(comments, "FEW", 5)
    return str(request.param)


@pytest.fixture
async def matrix(platform: str, tmp_path: Path) -> AsyncIterator[Matrix]:
    """A Desklore and a helpdesk of each vendor."""
    async with running_helpdesk(platform) as sandbox, running_matrix(platform, tmp_path / "data", sandbox) as made:
        yield made


def read_whole(run: Run) -> bool:
    """Whether a run has read everything it could."""
    return run.phase == "processing" or run.state == "completed"


async def test_the_table_names_every_endpoint_that_a_sync_calls(matrix: Matrix) -> None:
    tenant = await matrix.tenant()
    matrix.sandbox.stats.clear()
    for endpoint in PLATFORMS[matrix.platform]:
        # An order that never strikes counts who it would have struck.
        matrix.sandbox.site.faults.add(Fault(match=endpoint.match, kind="500", times=0))
    run = await matrix.run(tenant)
    assert read_whole(run), run
    if matrix.platform == BULK:
        return
    called = [shape.replace("{id}", "1") for shape in matrix.sandbox.stats.requests]
    patterns = [re.compile(re.sub(r"\\\?.*$", "", endpoint.match)) for endpoint in PLATFORMS[matrix.platform]]
    assert [shape for shape in called if not any(pattern.search(shape) for pattern in patterns)] == []


async def test_a_fault_in_passing_everywhere_at_once_costs_nothing(matrix: Matrix) -> None:
    truth = await matrix.tenant()
    await matrix.end(truth, await matrix.run(truth))
    wanted = await matrix.stored(truth)
    endpoints = [endpoint for endpoint in PLATFORMS[matrix.platform] if endpoint.role != FILE]
    for kind in PASSING:
        tenant = await matrix.tenant()
        for endpoint in endpoints:
            matrix.order(endpoint, kind, times=1)
        run = await matrix.run(tenant)
        assert (read_whole(run), run.error_code, run.unreadable, await matrix.failures(tenant)) == (True, None, (), []), (kind, run)
        unmet = [told["match"] for told in matrix.sandbox.site.faults.report() if told["hits"] != 1]
        assert unmet == [], kind
        assert await matrix.stored(tenant) == wanted, kind
        matrix.sandbox.site.faults.clear()
        await matrix.end(tenant, run)


@pytest.mark.parametrize("role", ROLES)
async def test_a_lasting_fault_ends_the_run_as_it_deserves_and_the_next_one_completes(tmp_path: Path, platform: str, role: str) -> None:
    if not any(endpoint.role == role for endpoint in PLATFORMS[platform]):
        return
    async with running_helpdesk(platform) as sandbox, running_matrix(platform, tmp_path / "data", sandbox) as matrix:
        truth = await matrix.tenant()
        whole: dict[Stream, Truth] = {}
        for endpoint in PLATFORMS[platform]:
            if endpoint.role != role:
                continue
            if endpoint.stream not in whole:
                await matrix.end(truth, await matrix.run(truth, endpoint.stream))
                whole[endpoint.stream] = {
                    key: kept for key, kept in (await matrix.stored(truth)).items() if endpoint.stream.value.startswith(key[0])
                }
            for kind in kinds_at(endpoint):
                tenant = await matrix.tenant()
                matrix.order(endpoint, kind)
                run = await matrix.run(tenant, endpoint.stream)
                assert matrix.sandbox.site.faults.report()[0]["hits"], f"{kind} never struck at {endpoint.match}"
                await judge(matrix, tenant, run, endpoint, kind)
                await complete(matrix, tenant, run, endpoint.stream)
                assert await matrix.stored(tenant) == whole[endpoint.stream], (kind, endpoint.match)


async def judge(matrix: Matrix, tenant: Tenant, run: Run, endpoint: Endpoint, kind: Kind) -> None:
    """Whether a run ended as it should, with words that an admin can act on."""
    failures = await matrix.failures(tenant)
    codes = {failure.code for failure in failures}
    connection = await tenant.get(f"/connections/{tenant.connection_id}")
    state = READ if read_whole(run) else run.state.value
    case = (kind, endpoint.match, state, run.error_code, run.error_message, codes, run.unreadable)
    if endpoint.role == FILE:
        assert (state, connection["state"]) == (READ, "active"), case
        assert codes <= {"source_unavailable", "source_malformed"}, case
        assert failures, case
        assert all(failure.message.startswith("Attachment ") for failure in failures), case
        return
    if endpoint.role == SPARE and state == READ:
        # The other way was taken; whether it led everywhere is seen in what is stored.
        assert (failures, run.unreadable) == ([], ()), case
        return
    if endpoint.role == BRANCH and CLASSES[kind] != "limited":
        # The other help centers were read, and this one is told.
        assert (state, failures, run.unreadable, connection["state"]) == (READ, [], (), "active"), case
        (told,) = run.remarks
        assert "Hanbit Pay & Settlement" in told, case
        assert len(told) > 60, case
        return
    match CLASSES[kind]:
        case "limited":
            assert (state, run.error_code) == ("waiting", "source_rate_limited"), case
        case "down":
            assert (state, run.error_code) == ("waiting", "source_unavailable"), case
        case "rejected":
            assert (state, run.error_code, connection["state"]) == ("failed", "source_credentials_rejected", "broken"), case
            assert connection["state_reason"] == run.error_message
        case "malformed":
            assert (state, run.error_code) in {("failed", "source_malformed"), ("failed", "run_failed_items"), (READ, None)}, case
            assert codes <= {"source_malformed"}, case
            assert state == "failed" or failures, case
        case "refused":
            assert (state, run.error_code) in {("failed", "source_permission_missing"), ("failed", "run_failed_items"), (READ, None)}, case
            assert codes <= {"source_permission_missing"}, case
            assert state == "failed" or failures or run.unreadable, case
    if endpoint.role == LIST:
        assert state != READ, case
    if state != READ:
        assert len(run.error_message) > 60, case
    if CLASSES[kind] != "rejected":
        assert connection["state"] == "active", case
    assert all(len(failure.message) > 60 for failure in failures), case


async def complete(matrix: Matrix, tenant: Tenant, run: Run, stream: Stream) -> None:
    """Mend the helpdesk and sync once more: everything is there."""
    matrix.sandbox.site.faults.clear()
    await matrix.end(tenant, run)
    if (await tenant.get(f"/connections/{tenant.connection_id}"))["state"] == "broken":
        mended = await tenant.client.patch(f"/api/v1/connections/{tenant.connection_id}", json={"state": "active"})
        assert mended.json()["state"] == "active", mended.text
    again = await matrix.run(tenant, stream, mode=RunMode.REFRESH if run.unreadable else RunMode.INCREMENTAL)
    assert (read_whole(again), again.error_code, again.unreadable) == (True, None, ()), again
    assert await matrix.failures(tenant) == []
    await matrix.end(tenant, again)


async def test_a_silent_vendor_makes_the_run_wait_and_the_next_one_completes(tmp_path: Path, platform: str) -> None:
    """With little patience the silence is told soon; with the usual one a busy machine does not look silent."""
    endpoints = [endpoint for endpoint in PLATFORMS[platform] if endpoint.role in (LIST, ITEM)]
    async with running_helpdesk(platform) as sandbox:
        async with running_matrix(platform, tmp_path / "data", sandbox) as usual:
            truth, *tenants = [await usual.tenant() for _ in range(len(endpoints) + 1)]
            await usual.end(truth, await usual.run(truth))
            wanted = await usual.stored(truth)
        async with running_matrix(platform, tmp_path / "data", sandbox, connector_timeout_seconds=0.2) as hasty:
            for endpoint, tenant in zip(endpoints, tenants, strict=True):
                hasty.order(endpoint, "timeout")
                run = await hasty.run(tenant, endpoint.stream)
                assert (run.state, run.error_code) == ("waiting", "source_unavailable"), (endpoint.match, run)
                assert "did not answer" in run.error_message
                sandbox.site.faults.clear()
                await hasty.end(tenant, run)
        async with running_matrix(platform, tmp_path / "data", sandbox) as usual:
            for tenant in tenants:
                run = await usual.run(tenant)
                assert (read_whole(run), run.error_code) == (True, None), run
                assert await usual.stored(tenant) == wanted


async def test_what_was_there_stays_whatever_fails(matrix: Matrix) -> None:
    tenant = await matrix.tenant()
    await matrix.end(tenant, await matrix.run(tenant))
    before = await matrix.stored(tenant)
    kinds: tuple[Kind, ...] = ("truncated_json", "403")
    for kind in kinds:
        for endpoint in PLATFORMS[matrix.platform]:
            if endpoint.role == FILE:
                continue
            matrix.order(endpoint, kind)
            run = await matrix.run(tenant, mode=RunMode.FULL)
            # What may not be read any more is hidden, until it may be read again; nothing else is a reason to delete.
            if kind != "403" or endpoint.role == BRANCH:
                assert run.counts.deleted == run.counts.held == 0, (endpoint.match, run)
                assert (await matrix.stored(tenant)).keys() == before.keys(), endpoint.match
            matrix.sandbox.site.faults.clear()
            await matrix.end(tenant, run)
    again = await matrix.run(tenant, mode=RunMode.REFRESH)
    assert read_whole(again)
    assert await matrix.stored(tenant) == before
