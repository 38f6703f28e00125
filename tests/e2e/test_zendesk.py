"""Zendesk end to end: synced, asked, beside a Freshdesk, for two tenants; and after a storm of changes the copy is the truth."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from backend.adapters.zendesk import newest
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.ticket import Presence
from sandbox.options import DEFAULT_REFERENCE
from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_zendesk
from sandbox.zendesk import change, suspended
from tests.e2e.test_gone import assert_index_is, stored, tickets_of
from tests.e2e.trip import Tenant, Trip

CHANGES = 200
A_MINUTE = 61


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskServer]:
    """A small Zendesk; its limit on exports is tested elsewhere."""
    async with running_zendesk(SandboxOptions(tickets=60, export_quota=1_000)) as server:
        yield server


@pytest.fixture
async def hanbit(trip: Trip, zendesk: ZendeskServer) -> Tenant:
    """A tenant connected to it, not synced yet."""
    tenant = await trip.onboard("acme")
    await tenant.connect_zendesk(zendesk)
    return tenant


def shown(zendesk: ZendeskServer) -> set[int]:
    """The tickets that there are."""
    return {number for number in zendesk.account.tickets if zendesk.site.world.shown(number)}


def some(zendesk: ZendeskServer, number: int) -> list[int]:
    """The first tickets that were not merged."""
    return [n for n in sorted(shown(zendesk)) if zendesk.account.tickets[n].merged_into is None][:number]


async def test_a_zendesk_is_synced_and_answers(trip: Trip) -> None:
    async with running_zendesk(SandboxOptions(tickets=200, export_quota=1_000)) as zendesk:
        tenant = await trip.onboard("acme")
        await tenant.connect_zendesk(zendesk)
        run = await tenant.sync()
        assert (run["state"], run["error_message"], run["counts"]["failed"]) == ("completed", "", 0), run
        assert set(tickets_of(await stored(trip))) == shown(zendesk)
        by_key = {judged.problem_key: judged for judged in zendesk.account.judgements()}
        for question, problem in (
            ("SSO 로그인을 하면 계속 반복됩니다", "login-sso-loop"),
            ("password reset email never arrives", "password-reset-mail"),
        ):
            found = await tenant.ask(question)
            assert found["answer"]["grounded"], question
            assert int(found["tickets"][0]["original_id"]) in by_key[problem].ticket_ids, question
            assert found["tickets"][0]["platform"] == "zendesk"
        ticket = next(each for each in zendesk.account.tickets.values() if each.id in shown(zendesk) and each.flow == "solved")
        brief = await tenant.get(f"/init/{ticket.id}")
        assert brief["title"] == ticket.subject
        assert brief["similar"]
        again = await tenant.sync()
        assert (again["counts"]["stored"], again["counts"]["deleted"]) == (0, 0)


async def test_an_oauth_token_connects_too(trip: Trip, zendesk: ZendeskServer) -> None:
    tenant = await trip.onboard("acme")
    await tenant.connect_zendesk(zendesk, oauth_token=zendesk.options.oauth_token)
    assert (await tenant.sync(limit=5))["state"] == "completed"
    wanted = {"platform": "zendesk", "domain": "hanbit.zendesk.com", "base_url": zendesk.base_url}
    for credentials in ({"api_token": "x"}, {"email": "a@b.example", "oauth_token": "x"}, {"oauth_token": " "}):
        refused = await tenant.client.post("/api/v1/connections/check", json=wanted | {"credentials": credentials})
        assert refused.status_code in (400, 422), refused.text
        assert "email, api_token or oauth_token" in refused.text


async def test_one_company_with_freshdesk_and_zendesk(trip: Trip, sandbox: SandboxServer, zendesk: ZendeskServer) -> None:
    tenant, other = await trip.onboard("acme"), await trip.onboard("bravo")
    await tenant.connect(sandbox)
    await tenant.sync()
    await tenant.connect_zendesk(zendesk)
    await tenant.sync()
    await trip.settle("acme")
    question = "비밀번호 재설정 메일이 오지 않아요"
    everything = await tenant.ask(question, filters={"platforms": []})
    for platform in ("freshdesk", "zendesk"):
        found = await tenant.ask(question, filters={"platforms": [platform]})
        assert found["tickets"]
        assert {hit["platform"] for hit in (*found["tickets"], *found["articles"])} == {platform}
    assert {hit["platform"] for hit in everything["tickets"]} <= {"freshdesk", "zendesk"}
    same = min(shown(zendesk) & {t.id for t in sandbox.account.tickets.values() if t.state == "live"})
    for platform in ("freshdesk", "zendesk"):
        assert (await tenant.get(f"/init/{same}", platform=platform))["platform"] == platform
    assert (await other.get("/documents"))["items"] == []
    zendesk_before = {key for key, each in _by_platform(await _all(trip)).items() if each == "zendesk"}
    gone = await tenant.client.delete(f"/api/v1/connections/{tenant.connection_id}")
    assert gone.json()["documents"] == len(zendesk_before)
    assert set(_by_platform(await _all(trip)).values()) == {"freshdesk"}


async def test_two_tenants_on_two_zendesks_stay_apart(trip: Trip, zendesk: ZendeskServer) -> None:
    async with running_zendesk(SandboxOptions(tickets=60, seed=8, export_quota=1_000)) as another:
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        await acme.connect_zendesk(zendesk)
        await bravo.connect_zendesk(another, "second.zendesk.com")
        await acme.sync()
        await bravo.sync()
        mine = {each["document_id"] for each in (await acme.get("/documents", limit=100))["items"]}
        theirs = {each["document_id"] for each in (await bravo.get("/documents", limit=100))["items"]}
        assert mine
        assert theirs
        assert not mine & theirs
        for document_id in list(mine)[:5]:
            assert (await bravo.client.get(f"/api/v1/documents/{document_id}")).status_code == 404
        assert (await bravo.client.get(f"/api/v1/connections/{acme.connection_id}")).status_code == 404


async def test_what_is_gone_leaves_and_what_comes_back_is_back(trip: Trip, hanbit: Tenant, zendesk: ZendeskServer) -> None:
    await hanbit.sync()
    site = zendesk.site
    deleted, suspended, scrubbed, archived, merged, target = some(zendesk, 6)
    change.delete(site, deleted)
    change.suspend(site, suspended)
    change.scrub(site, scrubbed)
    change.archive(site, archived)
    change.merge(site, target, [merged])
    removed, unpublished = list(zendesk.account.shelf.articles)[:2]
    change.remove_article(site, removed)
    change.unpublish(site, unpublished)
    site.pass_time(A_MINUTE)
    await hanbit.sync()
    await trip.settle("acme")
    documents, tombstones = await stored(trip), await stored(trip, DocState.DELETED)
    presences = {number: tombstones[DocType.TICKET, str(number)].presence for number in (deleted, suspended, scrubbed)}
    assert presences == {deleted: Presence.DELETED, suspended: Presence.DELETED, scrubbed: Presence.PURGED}
    assert not any(tombstones[DocType.TICKET, str(number)].parts for number in presences)
    assert not any("SCRUBBED" in document.title for document in documents.values())
    tickets = tickets_of(documents)
    assert archived in tickets
    assert (tickets[merged].presence, tickets[merged].attributes["Merged into"]) == (Presence.MERGED, str(target))
    assert (DocType.ARTICLE, str(removed)) not in documents
    assert documents[DocType.ARTICLE, str(unpublished)].visibility == "internal"
    await assert_index_is(trip, documents)
    change.restore(site, deleted)
    change.restore(site, suspended)
    site.pass_time(A_MINUTE)
    await hanbit.sync()
    await trip.settle("acme")
    assert {deleted, suspended} <= set(tickets_of(await stored(trip)))
    assert scrubbed not in tickets_of(await stored(trip))


async def test_what_was_scrubbed_unseen_leaves_with_the_next_sync(trip: Trip, hanbit: Tenant, zendesk: ZendeskServer) -> None:
    await hanbit.sync()
    (victim,) = some(zendesk, 1)
    change.delete(zendesk.site, victim)
    change.scrub(zendesk.site, victim)
    zendesk.site.pass_time(A_MINUTE)
    run = await hanbit.sync()
    assert run["counts"]["deleted"] == 1
    await trip.settle("acme")
    await assert_index_is(trip, await stored(trip))


class Storm:
    """People at work on a Zendesk."""

    def __init__(self, zendesk: ZendeskServer, seed: int) -> None:
        self.zendesk, self.site, self.account = zendesk, zendesk.site, zendesk.account
        self.dice = random.Random(seed)
        self.kinds: dict[str, Callable[[], Any]] = {
            "create": lambda: change.create(
                self.site, {"subject": f"프린터 오류 {self.dice.random()}", "description": "<p>인쇄가 안 됩니다</p>"}
            ),
            "update": lambda: change.update(self.site, self._ticket(), {"subject": f"VPN 접속 오류 {self.dice.random()}"}),
            "comment": lambda: change.add_comment(self.site, self._ticket(), {"body": "<p>다시 확인했습니다.</p>"}),
            "note": lambda: change.add_comment(self.site, self._ticket(), {"body": "<p>internal</p>", "public": False}),
            "delete": lambda: change.delete(self.site, self._ticket()),
            "suspend": lambda: change.suspend(self.site, self._ticket()),
            "scrub": lambda: change.scrub(self.site, self._ticket()),
            "archive": lambda: change.archive(self.site, self._ticket()),
            "restore": self._restore,
            "merge": self._merge,
            "touch": lambda: change.touch_many(self.site, [self._ticket() for _ in range(5)]),
            "article": lambda: change.change_article(self.site, *self._article(), {"title": f"안내 {self.dice.random()}"}),
            "unpublish": lambda: change.change_article(self.site, *self._article(), {"status": self.dice.choice((1, 2))}),
            "remove": lambda: change.remove_article(self.site, self._article()[0]),
            "queue": lambda: suspended.suspend(
                self.site, {"subject": f"부재중 회신 {self.dice.random()}", "ticket_id": self.dice.choice((None, self._ticket()))}
            ),
            "let in": self._let_in,
        }
        self.weights = [20, 20, 20, 8, 5, 2, 2, 6, 6, 3, 4, 4, 3, 0.5, 4, 3]

    async def rage(self, changes: int) -> None:
        """Make so many changes, while others do what they do."""
        for number in range(changes):
            (kind,) = self.dice.choices(list(self.kinds), self.weights)
            self.kinds[kind]()
            self.site.pass_time(self.dice.choice((0, 0, 1, 2, 20)))
            if number % 5 == 0:
                await asyncio.sleep(0.005)

    def _ticket(self) -> int:
        return self.dice.choice(some(self.zendesk, 100_000))

    def _restore(self) -> None:
        gone = [t.id for t in self.account.tickets.values() if t.state in ("deleted", "spam") and self._restorable(t.id)]
        if gone:
            change.restore(self.site, self.dice.choice(gone))

    def _let_in(self) -> None:
        if waiting := list(self.site.queue.mails):
            suspended.recover(self.site, self.dice.choice(waiting))

    def _restorable(self, number: int) -> bool:
        return self.site.world.exists(number) and number not in self.site.world.scrubbed

    def _merge(self) -> None:
        target, other = self.dice.sample(some(self.zendesk, 100_000), 2)
        change.merge(self.site, target, [other])

    def _article(self) -> tuple[int, str]:
        article = self.dice.choice([*self.account.shelf.articles.values(), *self.account.branch_shelf.articles.values()])
        return article.id, self.dice.choice(list(article.texts))


@pytest.mark.parametrize("amid", [False, True], ids=["after the first sync", "amid a first sync of many pages"])
async def test_after_a_storm_of_changes_store_and_index_are_the_truth(trip: Trip, monkeypatch: pytest.MonkeyPatch, *, amid: bool) -> None:
    # The first sync is over in seconds: it looks at the head as often as one of hours does.
    monkeypatch.setattr(newest, "HEAD_SECONDS", 0.1)
    seed, page, reference = (3, 10, int(time.time()) - A_MINUTE) if amid else (3, 1_000, DEFAULT_REFERENCE)
    options = SandboxOptions(tickets=80, seed=seed, export_quota=100_000, export_page=page, reference=reference)
    async with running_zendesk(options) as zendesk:
        tenant = await trip.onboard("acme")
        await tenant.connect_zendesk(zendesk)
        if not amid:
            await tenant.sync()
        raging = asyncio.create_task(Storm(zendesk, seed).rage(CHANGES))
        while not raging.done():
            assert (await tenant.sync())["state"] == "completed"
        await raging
        zendesk.site.pass_time(A_MINUTE)
        run = await tenant.sync()
        assert (run["state"], run["error_code"]) == ("completed", None), run
        await trip.settle("acme")
        await assert_is_truth(trip, zendesk)
        assert (await tenant.sync(mode="full"))["counts"]["stored"] == 0


async def assert_is_truth(trip: Trip, zendesk: ZendeskServer) -> None:
    """Store and index equal to the sandbox, ticket by ticket and article by article."""
    documents = await stored(trip)
    kept = tickets_of(documents)
    assert set(kept) == shown(zendesk)
    for number, document in kept.items():
        ticket = zendesk.account.tickets[number]
        assert document.title == ticket.subject or not ticket.subject
        assert document.presence is (Presence.LIVE if ticket.merged_into is None else Presence.MERGED), number
        said = [part for part in document.parts if part.kind in ("description", "reply", "note", "system")]
        assert len(said) <= len(zendesk.site.world.comments(number))
    articles = {original_id for doc_type, original_id in documents if doc_type is DocType.ARTICLE and original_id.isdecimal()}
    assert articles == {str(number) for shelf in (zendesk.account.shelf, zendesk.account.branch_shelf) for number in shelf.articles}
    await assert_index_is(trip, documents)


async def _all(trip: Trip) -> list[Document]:
    async with trip.runtime.services.database.open("acme") as uow:
        documents, _ = await uow.documents.list(limit=100_000)
    return documents


def _by_platform(documents: list[Document]) -> dict[str, str]:
    return {document.document_id: document.platform for document in documents if document.state is not DocState.DELETED}
