"""One company on two platforms with the same ticket numbers: each connection is reconciled by itself, and goes by itself."""

from collections.abc import AsyncIterator

import pytest

from backend.core.model.document import DocState, DocType
from sandbox.freshdesk import change as freshdesk_change
from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_sandbox, running_zendesk
from tests.e2e.trip import Tenant, Trip

FRESHDESK_WORD, ZENDESK_WORD = "프레시토너", "젠드라이버"


@pytest.fixture
async def freshdesk() -> AsyncIterator[SandboxServer]:
    """A small Freshdesk with a ticket of its own."""
    async with running_sandbox(SandboxOptions(tickets=8)) as server:
        freshdesk_change.update(server.site, 3, {"subject": f"{FRESHDESK_WORD} 문의"})
        yield server


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskServer]:
    """A Zendesk of the same company, with the same numbers."""
    async with running_zendesk(SandboxOptions(tickets=8)) as server:
        server.account.tickets[3].subject = f"{ZENDESK_WORD} 문의"
        yield server


async def _tickets(trip: Trip) -> set[tuple[str, str]]:
    """Platform and number of every ticket that is there."""
    async with trip.runtime.services.database.open("acme") as uow:
        documents, _ = await uow.documents.list(doc_types=(DocType.TICKET,), limit=1_000)
    return {(each.platform, each.original_id) for each in documents if each.state is not DocState.DELETED}


async def _platforms(tenant: Tenant, word: str, **filters: list[str]) -> set[str]:
    found = (await tenant.post("/search", {"query": word, "filters": filters}))["hits"]
    return {hit["platform"] for hit in found if word in hit["title"]}


async def test_each_connection_is_reconciled_and_removed_by_itself(trip: Trip, freshdesk: SandboxServer, zendesk: ZendeskServer) -> None:
    acme = await trip.onboard("acme")
    await acme.connect(freshdesk)
    await acme.sync()
    of_freshdesk = acme.connection_id
    of_zendesk = await acme.connect_zendesk(zendesk)
    await acme.sync()
    await trip.settle("acme")
    before = await _tickets(trip)
    assert {("freshdesk", "3"), ("zendesk", "3")} <= before
    assert (await _platforms(acme, FRESHDESK_WORD), await _platforms(acme, ZENDESK_WORD)) == ({"freshdesk"}, {"zendesk"})
    assert await _platforms(acme, ZENDESK_WORD, platforms=["freshdesk"]) == set()

    # What vanished from one is looked for in that one only.
    freshdesk_change.vanish(freshdesk.site, 3)
    assert (await acme.sync(mode="full"))["counts"]["deleted"] == 0
    acme.connection_id = of_freshdesk
    assert (await acme.sync(mode="full"))["counts"]["deleted"] == 1
    await trip.settle("acme")
    assert before - await _tickets(trip) == {("freshdesk", "3")}
    assert (await _platforms(acme, FRESHDESK_WORD), await _platforms(acme, ZENDESK_WORD)) == (set(), {"zendesk"})

    # One goes and leaves its documents, which are found as before; connected again, it takes them over.
    gone = await acme.client.delete(f"/api/v1/connections/{of_zendesk}", params={"keep_documents": True})
    assert gone.json()["documents"] == 0
    assert await _platforms(acme, ZENDESK_WORD) == {"zendesk"}
    after = await _tickets(trip)
    of_zendesk = await acme.connect_zendesk(zendesk)
    await acme.sync()
    await trip.settle("acme")
    assert await _tickets(trip) == after, "nothing twice"
    assert len([hit for hit in (await acme.post("/search", {"query": ZENDESK_WORD}))["hits"] if ZENDESK_WORD in hit["title"]]) == 1

    # The other goes with all it brought.
    taken = await acme.client.delete(f"/api/v1/connections/{of_freshdesk}")
    assert taken.json()["documents"] > 0
    assert {platform for platform, _ in await _tickets(trip)} == {"zendesk"}
    index = await trip.runtime.services.indexes.open("acme")
    async with trip.runtime.services.database.open("acme") as uow:
        assert (await index.count())[1] == (await uow.documents.counts())[DocState.INDEXED]
    assert await trip.runtime.services.blobs.open("acme").list("raw/freshdesk") == []
