"""Wherever a process is killed between two transactions, a company is booked what an undisturbed run is booked."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backend.core import ids
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.budget import Usage
from backend.core.model.document import DocState, DocType
from backend.core.ports.services import Services
from backend.core.usecases.sync import run_sync
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.paid_kills import CHAT, bought
from tests.e2e.test_postgres import on
from tests.e2e.test_provider import _settings
from tests.e2e.trip import Trip, running_trip
from tests.support.deadly import KilledError, short_lived
from tests.support.openai_server import OpenAIServer
from tests.support.postgres import PostgresDatabase

ANOTHER = "990001"


async def _synced(trip: Trip, sandbox: SandboxServer) -> None:
    """A tenant whose Documents wait to be processed; one of them says the same as another."""
    acme = await trip.onboard("acme")
    await acme.connect(sandbox)
    run = await acme.post("/ingest", {"connection_id": acme.connection_id})
    services = trip.runtime.services
    await run_sync(services, "acme", run["run_id"])
    async with services.database.open("acme", write=True) as uow:
        tickets, _ = await uow.documents.list(states=[DocState.PENDING], doc_types=[DocType.TICKET], limit=100)
        document_id = ids.document_id("acme", "freshdesk", DocType.TICKET, ANOTHER)
        await uow.documents.put([structs.replace(tickets[0], document_id=document_id, original_id=ANOTHER)])


async def _booked(services: Services) -> dict[tuple[str, str, str], Usage]:
    async with services.database.open("acme") as uow:
        rows = await uow.usage.list(date.min, date.max)
    return {(row.provider, row.model, row.purpose.value): structs.replace(row.usage, cost_usd=round(row.usage.cost_usd, 9)) for row in rows}


async def _summaries(services: Services) -> dict[str, Any]:
    async with services.database.open("acme") as uow:
        documents, _ = await uow.documents.list(states=list(DocState), limit=1_000)
    return {each.document_id: (each.state, each.summary, each.internal_summary) for each in documents}


async def _is_done(services: Services) -> bool:
    async with services.database.open("acme") as uow:
        states = await uow.documents.counts()
    return not states.get(DocState.PENDING) and not states.get(DocState.PROCESSING)


async def _lives(services: Services) -> int:
    """Process everything, killed after one transaction, then after two, and so on; returns how often it was killed."""
    kills = 0
    while not await _is_done(services):
        try:
            await process_pending(short_lived(services, kills + 1), "acme")
        except KilledError:
            kills += 1
    return kills


@pytest.mark.timeout(200)
async def test_a_company_is_booked_the_same_however_often_it_was_killed(tmp_path: Path, postgres: PostgresDatabase) -> None:
    with OpenAIServer() as for_calm, OpenAIServer() as for_killed:
        async with running_sandbox(SandboxOptions(tickets=12)) as sandbox:
            async with running_trip(tmp_path / "calm", jobs=False, **_settings(for_calm)) as trip:
                await _synced(trip, sandbox)
                while not await _is_done(trip.runtime.services):
                    assert await process_pending(trip.runtime.services, "acme") is None
                want, documents = await _booked(trip.runtime.services), await _summaries(trip.runtime.services)
            assert set(bought(for_calm.requests)[CHAT].values()) == {1}, "what says the same is summarized once"
            for engine, settings in (("sqlite", {}), ("postgresql", on(postgres))):
                async with running_trip(tmp_path / engine, jobs=False, **_settings(for_killed), **settings) as trip:
                    await _synced(trip, sandbox)
                    services = trip.runtime.services
                    assert await _lives(services) > 10
                    assert await _booked(services) == want, engine
                    assert await _summaries(services) == documents
