"""Briefs that are made before an agent opens the ticket: for the rights that are asked for, of what holds now, by tenant."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec

from backend.core import clock, ids
from backend.core.model.document import DocState, Document
from backend.core.model.groups import marks_of
from backend.core.model.sight import Sight
from backend.core.model.tenant import Role
from backend.core.model.ticket import Status
from backend.core.ports.kept_briefs import KEEP_SECONDS, RENEW_SECONDS, UNSETTLED, USUAL, KeptBriefs
from backend.core.usecases import brief
from tests.api.conftest import As
from tests.api.house import House, index_documents, ticket_id
from tests.api.test_groups import holder

INIT = "/api/v1/init/101"


async def prepare(house: House, company_id: str = "acme", *, most: int = 10) -> float | None:
    """Let the job run."""
    services = replace(house.services, policy=replace(house.services.policy, briefs_ahead=most))
    return await brief.prepare_briefs(services, company_id)


async def stored(house: House, company_id: str = "acme") -> Document:
    async with house.services.database.open(company_id) as uow:
        ticket = await uow.documents.get(ticket_id(company_id))
    assert ticket is not None
    return ticket


async def put(house: House, document: Document, company_id: str = "acme") -> None:
    async with house.services.database.open(company_id) as uow:
        await uow.documents.put([document])
    await index_documents(house, company_id, [document])


async def reopen(house: House, *companies: str) -> None:
    """Ticket 101 of these is open again."""
    for company_id in companies:
        await put(house, msgspec.structs.replace(await stored(house, company_id), status=Status.OPEN.value), company_id)


def counted(house: House, name: str) -> dict[str, float]:
    """A metric of one label, by its values; nothing where it is 0."""
    lines = [line for line in house.meter.render()[0].decode().splitlines() if line.startswith(f"desklore_{name}_total{{")]
    found = {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}
    return {value: count for value, count in found.items() if count}


async def test_the_first_opening_is_answered_from_what_was_made_ahead(searchable: House, client_as: As) -> None:
    await reopen(searchable, "acme")
    plain = (await client_as(Role.AGENT).get(INIT)).json()
    await reopen(searchable, "acme")
    assert counted(searchable, "briefs") == {"false": 1}
    assert await prepare(searchable) is None
    assert counted(searchable, "briefs_ahead") == {"made": 1}
    first = await client_as(Role.AGENT).get(INIT)
    assert {**first.json(), "took_ms": 0} == {**plain, "took_ms": 0}
    assert counted(searchable, "briefs") == {"false": 1, "ahead": 1}
    again = await client_as(Role.ADMIN).get(INIT, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert counted(searchable, "briefs") == {"false": 1, "ahead": 1, "true": 1}


async def test_it_runs_twice_and_makes_nothing_twice(searchable: House, client_as: As) -> None:
    await reopen(searchable, "acme")
    await prepare(searchable)
    await prepare(searchable)
    assert counted(searchable, "briefs_ahead") == {"made": 1, "there": 1}
    await client_as(Role.AGENT).get(INIT)
    await prepare(searchable)
    assert counted(searchable, "briefs_ahead") == {"made": 1, "there": 2}, "what was opened is there too"


async def test_what_changed_is_made_anew_and_the_old_one_is_not_given(searchable: House, client_as: As) -> None:
    agent = client_as(Role.AGENT)
    await reopen(searchable, "acme")
    await prepare(searchable)
    hit = (await agent.get(INIT)).json()["articles"][0]
    thumb = {"document_id": hit["document_id"], "rating": "down", "query": "환불"}
    assert (await agent.post("/api/v1/feedback", json=thumb)).is_success
    await agent.get(INIT)
    assert counted(searchable, "briefs") == {"ahead": 1, "false": 1}
    await put(searchable, msgspec.structs.replace(await stored(searchable), title="바뀐 제목", content_hash="h2"))
    await prepare(searchable)
    assert (await agent.get(INIT)).json()["title"] == "바뀐 제목"
    assert counted(searchable, "briefs") == {"ahead": 2, "false": 1}


async def test_it_stops_when_something_changes_and_comes_back(searchable: House) -> None:
    ticket = msgspec.structs.replace(await stored(searchable), status="open")
    for number in range(501, 511):
        own = {"document_id": ids.document_id("acme", "paper", "ticket", str(number)), "original_id": str(number)}
        await put(searchable, msgspec.structs.replace(ticket, **own))
    running = asyncio.create_task(prepare(searchable))
    async with asyncio.timeout(30):
        while not counted(searchable, "briefs_ahead"):
            await asyncio.sleep(0)
    await put(searchable, ticket)
    assert await running is not None
    stopped = counted(searchable, "briefs_ahead")["made"]
    assert stopped < 10
    assert await prepare(searchable) is not None, "it waits for a moment"
    assert counted(searchable, "briefs_ahead") == {"made": stopped}
    await searchable.services.caches.open("acme").put(UNSETTLED, b"", 0)
    running = asyncio.create_task(prepare(searchable))
    async with asyncio.timeout(30):
        while counted(searchable, "briefs_ahead")["made"] == stopped:
            await asyncio.sleep(0)
    # As when the process ends: what was made is there.
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    there = counted(searchable, "briefs_ahead")["made"] - stopped
    assert await prepare(searchable) is None
    assert counted(searchable, "briefs_ahead") == {"made": stopped + 10, "there": there}


async def test_only_open_indexed_tickets_and_never_more_than_wanted(searchable: House) -> None:
    assert await prepare(searchable) is None
    assert counted(searchable, "briefs_ahead") == {}, "it is resolved"
    ticket = await stored(searchable)
    for number, changes in {
        "201": {"status": "pending"},
        "202": {"status": "other"},
        "203": {"status": "closed"},
        "204": {"status": "open", "state": DocState.FAILED},
        "205": {"status": "open", "state": DocState.DELETED},
    }.items():
        own = {"document_id": ids.document_id("acme", "paper", "ticket", number), "original_id": number}
        await put(searchable, msgspec.structs.replace(ticket, **own, **changes))
    assert await prepare(searchable, most=0) is None
    await prepare(searchable, most=1)
    assert counted(searchable, "briefs_ahead") == {"made": 1}
    await prepare(searchable)
    assert counted(searchable, "briefs_ahead") == {"made": 2, "there": 1}


async def test_it_waits_for_documents_on_their_way_but_not_for_those_that_wait_for_long(searchable: House) -> None:
    await reopen(searchable, "acme")
    own = {"document_id": ids.document_id("acme", "paper", "ticket", "301"), "original_id": "301"}
    coming = msgspec.structs.replace(await stored(searchable), **own, state=DocState.PENDING, next_try_at=None)
    await put(searchable, coming)
    assert await prepare(searchable) is None
    assert counted(searchable, "briefs_ahead") == {}
    await put(searchable, msgspec.structs.replace(coming, next_try_at=clock.now() + timedelta(days=1)))
    await prepare(searchable)
    assert counted(searchable, "briefs_ahead") == {"made": 1}


async def test_whoever_has_other_rights_gets_none_of_it(searchable: House, client_as: As) -> None:
    await put(searchable, msgspec.structs.replace(await stored(searchable), status="open", groups=marks_of("paper", "42", "결제팀")))
    await prepare(searchable)
    agent, viewer = client_as(Role.AGENT), client_as(Role.VIEWER)
    team, others = await holder(client_as, ["결제팀"]), await holder(client_as, ["배송팀"])
    seen = await viewer.get(INIT)
    assert "비밀메모" not in seen.text
    assert "8" not in {each["original_id"] for each in seen.json()["articles"]}
    await team.get(INIT)
    await agent.get(INIT, params={"top_k": 1})
    assert (await others.get(INIT)).status_code == 404
    assert counted(searchable, "briefs") == {"false": 3}
    assert "비밀메모" in (await agent.get(INIT)).text
    assert counted(searchable, "briefs") == {"false": 3, "ahead": 1}

    # All of these were remembered: from now on their briefs are made too, each with its own rights.
    await put(searchable, await stored(searchable))
    await prepare(searchable)
    assert counted(searchable, "briefs_ahead") == {"made": 1 + 4}
    again = await viewer.get(INIT)
    assert {**again.json(), "took_ms": 0} == {**seen.json(), "took_ms": 0}
    await team.get(INIT)
    await agent.get(INIT, params={"top_k": 1})
    assert (await others.get(INIT)).status_code == 404
    assert counted(searchable, "briefs") == {"false": 3, "ahead": 4}


async def test_two_companies_have_their_own(searchable: House, client_as: As) -> None:
    await reopen(searchable, "acme", "bravo")
    await client_as(Role.VIEWER).get(INIT)
    await prepare(searchable)
    theirs = await client_as(Role.AGENT, "bravo").get(INIT)
    assert counted(searchable, "briefs") == {"false": 2}, "what was made for one is not there for the other"
    assert "(acme)" not in theirs.text
    await put(searchable, await stored(searchable, "bravo"), "bravo")
    await prepare(searchable, "bravo")
    assert counted(searchable, "briefs_ahead") == {"made": 1 + 1, "there": 1}, "who asked at acme is not remembered at bravo"
    ours = await client_as(Role.AGENT).get(INIT)
    assert counted(searchable, "briefs") == {"false": 2, "ahead": 1}, "what changed at bravo changed nothing at acme"
    assert "(bravo)" not in ours.text


async def test_few_rights_are_remembered_latest_first(house: House) -> None:
    kept = KeptBriefs(house.services.caches.open("acme"), house.meter)
    assert await kept.sights() == [USUAL]
    asked = [Sight(internal=True, groups=(f"team {number}",), top_k=5) for number in range(5)]
    for sight in [asked[0], USUAL, *asked, asked[0]]:
        await kept.remember(sight)
    assert await kept.sights() == [USUAL, *asked[:1:-1]]
    assert await KeptBriefs(house.services.caches.open("bravo"), house.meter).sights() == [USUAL]
    assert len({sight.id for sight in [USUAL, *asked]}) == 6


async def test_an_old_one_is_made_again_before_it_ends(searchable: House, client_as: As) -> None:
    await reopen(searchable, "acme")
    await prepare(searchable)
    for seconds, outcome in ((RENEW_SECONDS - 60, "there"), (KEEP_SECONDS - 60, "made")):
        before = counted(searchable, "briefs_ahead").get(outcome, 0)
        await age(searchable, seconds)
        await prepare(searchable)
        assert counted(searchable, "briefs_ahead")[outcome] == before + 1
    await client_as(Role.AGENT).get(INIT)
    assert counted(searchable, "briefs") == {"ahead": 1}


async def age(house: House, seconds: float) -> None:
    """As if the kept brief of ticket 101 had been made so long ago."""
    cache, name = house.services.caches.open("acme"), f"brief-3/{ticket_id('acme')}/{USUAL.id}"
    data = await cache.get(name)
    assert data is not None
    kept = msgspec.msgpack.decode(data)
    await cache.put(name, msgspec.msgpack.encode(kept | {"at": clock.now().timestamp() - seconds}), KEEP_SECONDS)


async def test_a_company_that_changes_all_the_time_gets_the_newest_alone(searchable: House) -> None:
    await reopen(searchable, "acme", "bravo")
    ticket = await stored(searchable)
    for number in range(601, 612):
        own = {"document_id": ids.document_id("acme", "paper", "ticket", str(number)), "original_id": str(number)}
        await put(searchable, msgspec.structs.replace(ticket, **own))
    made = []
    for _ in range(4):
        before = counted(searchable, "briefs_ahead").get("made", 0)
        assert await prepare(searchable, most=12) is None
        made.append(counted(searchable, "briefs_ahead")["made"] - before)
        await put(searchable, ticket)
    assert made == [12, 12, 5, 5]
    await prepare(searchable, "bravo", most=12)
    assert counted(searchable, "briefs_ahead")["made"] == sum(made) + 1, "the other company has its own count"
