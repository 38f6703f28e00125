"""Opening a ticket over HTTP: kept until something changes, in parts, and each tenant and right by itself."""

import msgspec
import pytest

from backend.core.model.document import Document, Part
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.events import events_of
from tests.api.house import House, article_id, fill_index, index_documents, ticket_id

pytestmark = pytest.mark.usefixtures("searchable")
INIT = "/api/v1/init/101"


def kept(house: House) -> float:
    """How many briefs were given again."""
    text = house.meter.render()[0].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if 'kept="true"' in line and "_created" not in line)


def lookups(house: House) -> dict[str, float]:
    """How often a brief was looked for, by the labels of the count."""
    lines = [
        line for line in house.meter.render()[0].decode().splitlines() if line.startswith('desklore_cache_lookups_total{cache="brief"')
    ]
    return {line.partition("{")[2].partition("}")[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


async def test_look_ups_of_briefs_are_counted_without_naming_a_company(house: House, client_as: As) -> None:
    for company, times in (("acme", 3), ("bravo", 2)):
        agent = client_as(Role.AGENT, company)
        for _ in range(times):
            assert (await agent.get(INIT)).is_success, company
    assert lookups(house) == {'cache="brief",outcome="hit"': 3, 'cache="brief",outcome="miss"': 2}, "each company found its own"


async def test_a_ticket_s_brief_and_its_etag(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    first = await agent.get("/api/v1/init/101", params={"platform": "paper", "top_k": 3})
    brief = first.json()
    assert (brief["ticket_id"], brief["source"], brief["requester"]) == ("101", "store", "이고객")
    assert "비밀메모" in brief["summary"]["cause"]
    assert {hit["original_id"] for hit in brief["articles"]} <= {"7", "8"}
    assert brief["articles"]
    again = await agent.get("/api/v1/init/101", params={"platform": "paper", "top_k": 3}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    viewer = await client_as(Role.VIEWER).get("/api/v1/init/101")
    assert "비밀메모" not in viewer.text
    assert "8" not in {hit["original_id"] for hit in viewer.json()["articles"]}
    assert viewer.headers["etag"] != first.headers["etag"]


async def test_an_unknown_ticket(client_as: As) -> None:
    for path in ("/api/v1/init/999999", "/api/v1/init/%20", "/api/v1/init/가나다"):
        missing = await client_as(Role.AGENT).get(path)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ticket_not_found")


async def test_a_brief_is_given_again_until_something_changes(searchable: House, client_as: As) -> None:
    agent, house = client_as(Role.AGENT), searchable
    first = await agent.get(INIT)
    assert (await agent.get(INIT)).json() == first.json()
    assert kept(house) == 1

    thumb = {"document_id": article_id("acme", "7"), "rating": "up", "query": "환불"}
    assert (await agent.post("/api/v1/feedback", json=thumb)).is_success
    await agent.get(INIT)
    assert kept(house) == 1

    async with house.services.database.open("acme") as uow:
        ticket = await uow.documents.get(ticket_id("acme"))
        assert ticket is not None
        await uow.documents.put([msgspec.structs.replace(ticket, title="제목이 바뀐 티켓", content_hash="h2")])
    changed = await agent.get(INIT, headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["title"]) == (200, "제목이 바뀐 티켓")
    assert kept(house) == 1

    index = await house.services.indexes.open("acme")
    await index.delete([article_id("acme", "7")])
    without = await agent.get(INIT)
    assert "7" not in {hit["original_id"] for hit in without.json()["articles"]}
    assert kept(house) == 1
    assert (await agent.get(INIT)).headers["etag"] == without.headers["etag"]
    assert kept(house) == 2


async def test_a_thumb_lifts_an_article_from_below_what_is_shown(searchable: House, client_as: As) -> None:
    agent, house = client_as(Role.AGENT), searchable
    async with house.services.database.open("acme") as uow:
        article = await uow.documents.get(article_id("acme", "7"))
    assert article is not None
    texts = ("환불이 지연되면 결제사에 문의합니다.", "카드사의 환불 지연은 며칠 더 걸립니다.", "지연된 환불을 처리한 기록을 봅니다.")
    others = [
        msgspec.structs.replace(
            article, document_id=article_id("acme", str(20 + place)), original_id=str(20 + place), parts=(_part(article, text),)
        )
        for place, text in enumerate(texts)
    ]
    async with house.services.database.open("acme") as uow:
        await uow.documents.put(others)
    await index_documents(house, "acme", others)
    before = (await agent.get(INIT, params={"top_k": 4})).json()
    first, second = before["articles"][:2]
    thumb = {"document_id": second["document_id"], "rating": "up", "query": before["title"]}
    assert (await agent.post("/api/v1/feedback", json=thumb)).is_success
    after = (await agent.get(INIT, params={"top_k": 1})).json()["articles"]
    assert [hit["document_id"] for hit in after] == [second["document_id"]] != [first["document_id"]]


def _part(document: Document, text: str) -> Part:
    return msgspec.structs.replace(document.parts[0], text=text)


async def test_the_same_content_has_the_same_tag_after_a_change_elsewhere(searchable: House, client_as: As) -> None:
    agent = client_as(Role.AGENT)
    tag = (await agent.get(INIT)).headers["etag"]
    await fill_index(searchable, "acme")
    again = await agent.get(INIT, headers={"If-None-Match": tag})
    assert (again.status_code, kept(searchable)) == (304, 0)


async def test_kept_briefs_are_by_tenant_right_and_request(searchable: House, client_as: As) -> None:
    acme = (await client_as(Role.AGENT).get(INIT)).json()
    bravo = (await client_as(Role.AGENT, "bravo").get(INIT)).json()
    assert acme["document_id"] != bravo["document_id"]
    assert "(acme)" not in str(bravo)
    viewer = await client_as(Role.VIEWER).get(INIT)
    assert "비밀메모" not in viewer.text
    assert "비밀메모" in str(acme)
    await client_as(Role.AGENT).get(INIT, params={"top_k": 1})
    assert kept(searchable) == 0
    await client_as(Role.ADMIN).get(INIT)
    assert kept(searchable) == 1


async def test_a_brief_comes_in_parts(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    response = await agent.get(f"{INIT}/stream")
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    names = [name for _, name, _ in events]
    assert (names[:2], set(names[2:4]), names[4:]) == (["ticket", "summary"], {"similar", "articles"}, ["done"])
    assert events[0][2]["summary"] is None
    assert events[1][2]["summary"]["problem"]
    whole = (await agent.get(INIT)).json()
    assert {**events[-1][2], "took_ms": 0} == {**whole, "took_ms": 0}
    viewer = await client_as(Role.VIEWER).get(f"{INIT}/stream")
    assert "비밀메모" not in viewer.text
    missing = await agent.get("/api/v1/init/999999/stream")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ticket_not_found")


async def test_a_brief_in_parts_and_one_in_a_piece_keep_the_same_one(searchable: House, client_as: As) -> None:
    parts = ["ticket", "summary", "similar", "articles", "done"]
    streamed = events_of((await client_as(Role.AGENT).get(f"{INIT}/stream")).text)
    assert kept(searchable) == 0
    whole = (await client_as(Role.AGENT).get(INIT)).json()
    assert (kept(searchable), whole) == (1, streamed[-1][2])
    again = events_of((await client_as(Role.AGENT).get(f"{INIT}/stream")).text)
    assert (kept(searchable), [name for _, name, _ in again], again[-1][2]) == (2, parts, whole)
    bravo = await client_as(Role.AGENT, "bravo").get(f"{INIT}/stream")
    viewer = await client_as(Role.VIEWER).get(f"{INIT}/stream")
    assert kept(searchable) == 2
    assert "(acme)" not in bravo.text
    assert "비밀메모" not in viewer.text
