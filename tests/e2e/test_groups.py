"""What was synced is shown by the groups it has on the helpdesk: by name and id, in lists and search, also by an index made anew."""

import msgspec

from backend.core.model.document import DocType
from backend.core.model.groups import mark_of
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, Trip

QUESTION = "SSO 로그인이 반복됩니다"


async def _listed(tenant: Tenant) -> set[str]:
    items, after = [], None
    while True:
        page = await tenant.get("/documents", doc_type="ticket", limit=50, **({"after": after} if after else {}))
        items += page["items"]
        after = page["next"]
        if after is None:
            return {each["original_id"] for each in items}


async def _found(tenant: Tenant) -> set[str]:
    answer = await tenant.ask(QUESTION, top_k=20)
    brief = (await tenant.client.get("/api/v1/init/11")).json()
    hits = [*answer["tickets"], *answer["attachments"], *brief.get("similar", [])]
    return {hit["original_id"] for hit in hits if hit["doc_type"] == "ticket"}


async def test_groups_of_a_real_helpdesk(trip: Trip) -> None:
    async with running_sandbox(SandboxOptions(tickets=60, seed=7)) as sandbox:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        await acme.sync()
        await trip.settle("acme")
        async with trip.runtime.services.database.open("acme") as uow:
            tickets, _ = await uow.documents.list(doc_types=[DocType.TICKET], limit=500)
        by_group: dict[str, set[str]] = {}
        for each in tickets:
            if "Group" in each.attributes:
                by_group.setdefault(each.attributes["Group"], set()).add(each.original_id)
        assert len(by_group) >= 2
        name, mine = max(by_group.items(), key=lambda found: len(found[1]))
        group_id = next(mark for each in tickets if each.original_id in mine for mark in each.groups if mark != mark_of(name))
        assert group_id.startswith("freshdesk:")
        for written in (name.upper(), group_id):
            made = await acme.post("/keys", {"name": "team", "role": "agent", "groups": [written]})
            agent = trip.tenant("acme", made["api_key"])
            assert await _listed(agent) == mine
            assert await _found(agent) <= mine
            assert await _found(acme) - mine, "others are found by whoever may see them"
        # As if they had been stored before groups were known: hidden, until they are made again of the archive.
        async with trip.runtime.services.database.open("acme") as uow:
            await uow.documents.put([msgspec.structs.replace(each, groups=()) for each in tickets])
        assert await _listed(agent) == set()
        run = await acme.post("/documents/rebuild", {"connection_id": acme.connection_id})
        assert (await acme.wait(run["run_id"]))["state"] == "completed"
        await trip.settle("acme")
        assert await _listed(agent) == mine
        # An index made anew from the store knows the groups too.
        async with trip.runtime.services.database.open("acme") as uow:
            await uow.documents.release(indexed=True)
        await acme.sync()
        await trip.settle("acme")
        assert await _found(agent) <= mine
        assert await _listed(agent) == mine
