"""Articles are found by the words of customers they helped, as long as those tickets are there; each tenant for itself."""

from pathlib import Path
from typing import Any

import pytest

from backend.core.ingest.pipeline import process
from backend.core.ingest.pipeline.solved import questions_of
from backend.core.model.document import DocState, DocType, Document
from backend.core.usecases.sync import run_sync
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.deadly import KilledError, short_lived


async def _solved(trip: Trip, company_id: str) -> dict[str, list[str]]:
    """Article -> the tickets whose words it is found by."""
    async with trip.runtime.services.database.open(company_id) as uow:
        articles, _ = await uow.documents.list(doc_types=[DocType.ARTICLE], limit=200)
        return await uow.solved.of_articles([article.document_id for article in articles])


async def _questions(tenant: Tenant, article_id: str) -> list[dict[str, Any]]:
    chunks = (await tenant.get(f"/documents/{article_id}/chunks"))["items"]
    return [chunk for chunk in chunks if chunk["kind"] == "question"]


async def _document(trip: Trip, company_id: str, document_id: str) -> Document:
    async with trip.runtime.services.database.open(company_id) as uow:
        found = await uow.documents.get(document_id)
    assert found is not None
    return found


async def _waits(trip: Trip, company_id: str) -> bool:
    async with trip.runtime.services.database.open(company_id) as uow:
        states = await uow.documents.counts()
    return bool(states.get(DocState.PENDING) or states.get(DocState.PROCESSING))


async def test_solved_tickets_make_articles_findable(tmp_path: Path) -> None:
    async with running_sandbox(SandboxOptions(tickets=60)) as sandbox, running_trip(tmp_path / "data") as trip:
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        await acme.connect(sandbox)
        assert (await acme.sync())["state"] == "completed"
        await trip.settle("acme")
        solved = await _solved(trip, "acme")
        assert len(solved) >= 5
        assert await _solved(trip, "bravo") == {}
        article_id, (ticket_id, *_) = next(iter(solved.items()))
        ticket, article = await _document(trip, "acme", ticket_id), await _document(trip, "acme", article_id)
        questions = await _questions(acme, article_id)
        assert questions
        # The words are terms only: what is shown is the article's own text, never another customer's.
        own = "\n".join(part.text for part in article.parts)
        assert all(question["text"].split("\n")[0] in own for question in questions)
        assert not any(ticket.parts[0].text[:60] in question["text"] for question in questions)
        asked = {"query": ticket.parts[0].text[:200], "filters": {"doc_types": ["article"]}}
        assert article_id in [hit["document_id"] for hit in (await acme.post("/search", asked))["hits"][:3]]
        assert (await bravo.post("/search", asked))["hits"] == []

        for known in solved[article_id]:
            change.set_state(sandbox.site, int((await _document(trip, "acme", known)).original_id), "deleted")
        assert (await acme.sync(mode="full"))["state"] == "completed"
        await trip.settle("acme")
        assert (await _document(trip, "acme", ticket_id)).state is DocState.DELETED
        assert article_id not in await _solved(trip, "acme")
        assert await _questions(acme, article_id) == []


async def test_an_article_keeps_every_wording_wherever_a_process_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With batches of this size an article is worked on just when a ticket that was solved with it ends.
    monkeypatch.setattr(process, "BATCH", 16)
    async with running_sandbox(SandboxOptions(tickets=120)) as sandbox, running_trip(tmp_path, jobs=False) as trip:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        run = await acme.post("/ingest", {"connection_id": acme.connection_id})
        services = trip.runtime.services
        await run_sync(services, "acme", run["run_id"])
        kills = 0
        while await _waits(trip, "acme"):
            try:
                await process.process_pending(short_lived(services, kills + 1), "acme")
            except KilledError:
                kills += 1
        assert kills > 5
        articles = [await _document(trip, "acme", article_id) for article_id in await _solved(trip, "acme")]
        wanted = {article_id: len(of_one) for article_id, of_one in (await questions_of(services, "acme", articles)).items()}
        assert len(wanted) >= 5
        assert {article_id: len(await _questions(acme, article_id)) for article_id in wanted} == wanted
