"""What is gone leaves, what is only archived stays, what came back is back: after any storm of changes the copy is the truth."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from backend.core.ids import document_id
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.ticket import Presence
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip

CHANGES = 280
"""Seven for each ticket."""


async def stored(trip: Trip, *states: DocState, company_id: str = "acme") -> dict[tuple[DocType, str], Document]:
    """Documents by type and id; without states all that are not deleted."""
    async with trip.runtime.services.database.open(company_id) as uow:
        documents, _ = await uow.documents.list(states=states, limit=100_000)
    return {(document.doc_type, document.original_id): document for document in documents}


def tickets_of(documents: dict[tuple[DocType, str], Document]) -> dict[int, Document]:
    """The tickets among them."""
    return {int(original_id): document for (doc_type, original_id), document in documents.items() if doc_type is DocType.TICKET}


def some(sandbox: SandboxServer, number: int) -> list[int]:
    """The first live tickets."""
    return [ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live" and ticket.merged_into is None][:number]


async def assert_index_is(trip: Trip, documents: dict[tuple[DocType, str], Document]) -> None:
    """What is indexed by its state has chunks, everything else has none, and nothing more is there."""
    index = await trip.runtime.services.indexes.open("acme")
    indexed = {document.document_id for document in documents.values() if document.state is DocState.INDEXED}
    assert (await index.count())[1] == len(indexed)
    for document in documents.values():
        assert bool(await index.chunks(document.document_id)) == (document.document_id in indexed), document


class Storm:
    """Many people at work on a helpdesk."""

    def __init__(self, sandbox: SandboxServer, seed: int) -> None:
        self.site, self.account = sandbox.site, sandbox.account
        self.dice = random.Random(seed)
        self.kinds: dict[str, Callable[[], Any]] = {
            "create": lambda: change.create(
                self.site, {"subject": f"프린터 오류 {self.dice.random()}", "description": "<p>인쇄가 안 됩니다</p>"}
            ),
            "update": lambda: change.update(self.site, self._ticket(), {"subject": f"VPN 접속 오류 {self.dice.random()}"}),
            "reply": lambda: change.add_turn(self.site, self._ticket(), {"body": "<p>다시 확인했습니다.</p>", "incoming": True}),
            "delete": lambda: change.set_state(self.site, self._ticket(), "deleted"),
            "spam": lambda: change.set_state(self.site, self._ticket(), "spam"),
            "archive": lambda: change.set_state(self.site, self._ticket(), "archived"),
            "restore": lambda: change.set_state(self.site, self._ticket("deleted", "spam"), "live"),
            "merge": lambda: change.merge(self.site, self._ticket(), [self._ticket()]),
            "vanish": lambda: change.vanish(self.site, self._ticket("live", "deleted", "spam")),
            "article": lambda: change.change_article(self.site, *self._article(), {"title": f"안내 {self.dice.random()}"}),
            "unpublish": lambda: change.change_article(self.site, *self._article(), {"status": self.dice.choice((1, 2))}),
            "remove": lambda: change.remove_article(self.site, self._article()[0]),
        }
        self.weights = [20, 25, 20, 6, 2, 6, 8, 3, 1, 5, 3, 0.5]

    async def rage(self, changes: int) -> None:
        """Make so many changes, of every kind at least one, while others do what they do."""
        kinds = [*self.kinds, *self.dice.choices(list(self.kinds), self.weights, k=changes - len(self.kinds))]
        self.dice.shuffle(kinds)
        for number, kind in enumerate(kinds):
            self.kinds[kind]()
            if number % 5 == 0:
                await asyncio.sleep(0.005)

    def _ticket(self, *states: str) -> int:
        chosen = [t.id for t in self.account.tickets.values() if t.state in (states or ("live",)) and t.merged_into is None]
        return self.dice.choice(chosen or [t.id for t in self.account.tickets.values() if t.state == "live"])

    def _article(self) -> tuple[int, str]:
        article = self.dice.choice(list(self.account.shelf.articles.values()))
        return article.id, self.dice.choice(list(article.texts))


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_a_storm_of_changes_store_and_index_are_the_truth(trip: Trip, seed: int) -> None:
    async with running_sandbox(SandboxOptions(tickets=40, seed=seed)) as sandbox:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await tenant.sync()
        known = set(tickets_of(await stored(trip)))
        raging = asyncio.create_task(Storm(sandbox, seed).rage(CHANGES))
        while not raging.done():
            assert (await tenant.sync())["state"] == "completed"
        await raging
        run = await tenant.sync(mode="full")
        assert (run["state"], run["error_code"]) == ("completed", None), run
        assert (await tenant.sync())["counts"]["stored"] == 0
        await trip.settle("acme")
        documents = await stored(trip)
        kept, account = tickets_of(documents), sandbox.account
        tombstones = tickets_of(await stored(trip, DocState.DELETED))
        trashed = {number for number, each in tombstones.items() if each.presence in (Presence.DELETED, Presence.SPAM)}
        for ticket in account.tickets.values():
            found = kept.pop(ticket.id, None)
            if ticket.state in ("deleted", "spam"):
                assert found is None, ticket
            elif ticket.state == "archived":
                # One that was made, or brought back from the trash, and archived between two syncs was never named to us.
                assert found is not None or ticket.id not in known or ticket.id in trashed, ticket
            else:
                assert found is not None, ticket
                assert found.title == ticket.subject or not ticket.subject
                assert found.presence is (Presence.LIVE if ticket.merged_into is None else Presence.MERGED)
                assert sum(part.kind in ("reply", "note", "forward") for part in found.parts) <= len(account.turns(ticket.id))
        assert not kept, "what vanished is still there"
        articles = {original_id for doc_type, original_id in documents if doc_type is DocType.ARTICLE and original_id.isdecimal()}
        assert articles == {str(number) for number in account.shelf.articles}
        await assert_index_is(trip, documents)


async def test_what_vanishes_without_a_trace_leaves_with_the_next_complete_sync(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    purged, archived = some(sandbox, 6)[:3], some(sandbox, 6)[3:]
    for number in purged:
        change.vanish(sandbox.site, number)
    for number in archived:
        change.set_state(sandbox.site, number, "archived")
    await acme.sync()
    assert set(purged) <= set(tickets_of(await stored(trip))), "an incremental sync can't know"
    run = await acme.sync(mode="full")
    assert (run["counts"]["deleted"], run["counts"]["held"], run["error_code"]) == (3, 0, None)
    await trip.settle("acme")
    documents = await stored(trip)
    tickets = tickets_of(documents)
    assert not set(purged) & set(tickets)
    assert {tickets[number].presence for number in archived} == {Presence.ARCHIVED}
    gone = tickets_of(await stored(trip, DocState.DELETED))
    assert {gone[number].presence for number in purged} == {Presence.PURGED}
    await assert_index_is(trip, documents)
    calls = (await acme.sync(mode="full"))["counts"]
    assert (calls["stored"], calls["deleted"]) == (0, 0)


async def test_too_many_at_once_are_held_until_an_admin_decides(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    lost = some(sandbox, 15)
    for number in lost:
        change.vanish(sandbox.site, number)
    before = set(await stored(trip))
    run = await acme.sync(mode="full")
    assert (run["state"], run["error_code"], run["counts"]["held"], run["counts"]["deleted"]) == ("completed", "deletions_held", 15, 0)
    assert f"desklore connections deletions {acme.connection_id}" in run["error_message"]
    assert set(await stored(trip)) == before
    path = f"/connections/{acme.connection_id}/deletions"
    held = await acme.get(path, limit=10)
    assert (held["total"], len(held["items"])) == (15, 10)
    assert all(item["title"] and item["presence"] == "purged" for item in held["items"])
    assert (await acme.post(path, {"delete": False})) == {"deleted": 0, "kept": 15}
    assert (await acme.get(path))["total"] == 0
    assert (await acme.sync(mode="full"))["counts"]["held"] == 15, "they are looked for again"
    assert (await acme.sync(mode="full"))["counts"]["held"] == 15, "and not counted twice"
    assert (await acme.post(path, {"delete": True})) == {"deleted": 15, "kept": 0}
    await trip.settle("acme")
    documents = await stored(trip)
    assert before - set(documents) == {(DocType.TICKET, str(number)) for number in lost}
    await assert_index_is(trip, documents)
    assert (await acme.sync(mode="full"))["error_code"] is None


async def test_a_key_that_lost_its_rights_deletes_nothing(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    before = set(await stored(trip))
    narrow = {"credentials": {"api_key": sandbox.options.restricted_key}}
    assert (await acme.client.patch(f"/api/v1/connections/{acme.connection_id}", json=narrow)).is_success
    run = await acme.sync(mode="full")
    assert (run["state"], run["error_code"]) == ("completed", "deletions_held"), run
    assert set(await stored(trip)) == before
    held = (await acme.get(f"/connections/{acme.connection_id}/deletions"))["items"]
    assert {item["presence"] for item in held} <= {"hidden", "purged"}
    wide = {"credentials": {"api_key": sandbox.api_key}}
    assert (await acme.client.patch(f"/api/v1/connections/{acme.connection_id}", json=wide)).is_success
    run = await acme.sync(mode="full")
    assert (run["error_code"], run["counts"]["held"]) == (None, 0), "it was looked for anew, and is there"


async def test_a_merged_ticket_points_to_its_target_and_is_not_found(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    target, *others = some(sandbox, 3)
    change.merge(sandbox.site, target, others)
    await acme.sync()
    await trip.settle("acme")
    documents = await stored(trip)
    for number in others:
        merged = documents[DocType.TICKET, str(number)]
        assert (merged.presence, merged.state, merged.state_reason) == (Presence.MERGED, DocState.SKIPPED, "merged")
        assert merged.attributes["Merged into"] == str(target)
    assert documents[DocType.TICKET, str(target)].presence is Presence.LIVE
    await assert_index_is(trip, documents)


async def test_an_article_that_was_removed_is_gone_and_one_unpublished_is_for_agents(
    trip: Trip, acme: Tenant, sandbox: SandboxServer
) -> None:
    await acme.sync()
    removed, unpublished = list(sandbox.account.shelf.articles)[:2]
    change.remove_article(sandbox.site, removed)
    change.unpublish(sandbox.site, unpublished)
    run = await acme.sync()
    assert run["counts"]["deleted"] == 1
    await trip.settle("acme")
    documents = await stored(trip)
    assert (DocType.ARTICLE, str(removed)) not in documents
    assert documents[DocType.ARTICLE, str(unpublished)].visibility == "internal"
    await assert_index_is(trip, documents)


async def test_nobody_else_sees_or_decides_on_deletions(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    globex = await trip.onboard("globex")
    await globex.connect(sandbox)
    await acme.sync()
    await globex.sync()
    for number in some(sandbox, 15):
        change.vanish(sandbox.site, number)
    await acme.sync(mode="full")
    path = f"/api/v1/connections/{acme.connection_id}/deletions"
    assert (await globex.client.get(path)).status_code == 404
    assert (await globex.client.post(path, json={"delete": True})).status_code == 404
    assert (await globex.get(f"/connections/{globex.connection_id}/deletions"))["total"] == 0
    await acme.post(f"/connections/{acme.connection_id}/deletions", {"delete": True})
    vanished = document_id("acme", "freshdesk", DocType.TICKET, "1")
    assert vanished not in {each.document_id for each in (await stored(trip, company_id="globex")).values()}
    assert len(tickets_of(await stored(trip, company_id="globex"))) - len(tickets_of(await stored(trip))) == 15
