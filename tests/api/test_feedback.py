"""Thumbs over HTTP."""

from msgspec import structs

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House, article_id, ticket_id
from tests.contract.records import answer


async def test_a_thumb_on_an_answer_and_a_document(house: House, client_as: As) -> None:
    member = client_as(Role.MEMBER)
    answer = (await member.post("/api/v1/query", json={"question": "환불은 며칠 안에 처리되나요?"})).json()["answer"]
    given = {"answer_id": answer["answer_id"], "document_id": ticket_id("acme"), "rating": "up", "comment": "도움이 됐어요"}
    made = await member.post("/api/v1/feedback", json=given)
    assert made.status_code == 201
    assert made.json()["query"] == "환불은 며칠 안에 처리되나요?"
    async with house.services.database.open("acme") as uow:
        [kept] = await uow.feedback.of_documents([ticket_id("acme")])
    assert (kept.rating, kept.comment) == ("up", "도움이 됐어요")
    await member.post("/api/v1/feedback", json=given | {"rating": "none"})
    async with house.services.database.open("acme") as uow:
        assert await uow.feedback.of_documents([ticket_id("acme")]) == []
    told = (await client_as(Role.ADMIN).get("/api/v1/audit", params={"action": "feedback.give"})).json()["items"]
    assert [each["details"]["rating"] for each in told] == ["none", "up"], "also what was taken back"
    assert {each["details"]["document"] for each in told} == {ticket_id("acme")}
    assert "도움이" not in str(told)


async def test_a_thumb_on_an_answer_counts_for_what_it_cites(house: House, client_as: As) -> None:
    member, admin = client_as(Role.MEMBER), client_as(Role.ADMIN)
    own, *others = cited = [ticket_id("acme"), article_id("acme", "7")]
    async with house.services.database.open("acme") as uow:
        documents = [await uow.documents.get(each) for each in cited]
        told = [answer("ans_cited", document) for document in documents if document is not None]
        await uow.feedback.put_answer(structs.replace(told[0], citations=tuple(each.citations[0] for each in told)))
    await member.post("/api/v1/feedback", json={"answer_id": "ans_cited", "document_id": own, "rating": "down"})
    thumb = {"answer_id": "ans_cited", "rating": "up", "comment": "맞아요"}
    await member.post("/api/v1/feedback", json=thumb)
    async with house.services.database.open("acme") as uow:
        kept = {each.document_id: each for each in await uow.feedback.of_documents(cited)}
    assert {each.document_id for each in kept.values() if each.of_answer} == set(others)
    assert (kept[own].rating, {each.comment for each in kept.values()}) == ("down", {""})
    listed = (await admin.get("/api/v1/feedback")).json()["items"]
    assert [(each["rating"], each["document_id"]) for each in listed] == [("up", None), ("down", own)]
    async with house.services.database.open("bravo") as uow:
        assert await uow.feedback.of_documents(cited) == []
    await member.post("/api/v1/feedback", json=thumb | {"rating": "none"})
    async with house.services.database.open("acme") as uow:
        assert [each.document_id for each in await uow.feedback.of_documents(cited)] == [own]


async def test_what_can_get_no_thumb(client_as: As) -> None:
    member = client_as(Role.MEMBER)
    for body, status, code in (
        ({"rating": "up"}, 422, "invalid_request"),
        ({"rating": "great", "document_id": "x"}, 422, "invalid_request"),
        ({"rating": "up", "answer_id": "ans_none"}, 404, "answer_not_found"),
        ({"rating": "up", "document_id": article_id("acme", "8")}, 404, "document_not_found"),
    ):
        refused = await member.post("/api/v1/feedback", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert (await client_as(Role.VIEWER).post("/api/v1/feedback", json={"rating": "up", "document_id": "x"})).status_code == 403


async def test_comments_are_read_by_admins(client_as: As) -> None:
    member, admin = client_as(Role.MEMBER), client_as(Role.ADMIN)
    given = [
        {"document_id": ticket_id("acme"), "query": f"환불 {n}", "rating": "down" if n else "up", "comment": f"의견 {n}"} for n in range(3)
    ]
    for each in given:
        await member.post("/api/v1/feedback", json=each)
    page = (await admin.get("/api/v1/feedback", params={"limit": 2})).json()
    assert [each["comment"] for each in page["items"]] == ["의견 2", "의견 1"]
    newest = page["items"][0]
    assert given[2].items() <= newest.items()
    assert (newest["answer_id"], newest["caller"].split("_")[0]) == (None, "key:key")
    last = (await admin.get("/api/v1/feedback", params={"after": page["next"]})).json()
    assert ([each["comment"] for each in last["items"]], last["next"]) == (["의견 0"], None)
    up = (await admin.get("/api/v1/feedback", params={"rating": "up"})).json()["items"]
    assert [each["query"] for each in up] == ["환불 0"]
    assert (await admin.get("/api/v1/feedback", params={"since": "2100-01-01T00:00:00Z"})).json()["items"] == []
    for params in ({"after": "nonsense"}, {"rating": "none"}, {"limit": 0}, {"since": "2026-03-01T00:00:00"}):
        assert (await admin.get("/api/v1/feedback", params=params)).status_code == 422, params
    assert (await client_as(Role.AGENT).get("/api/v1/feedback")).status_code == 403
    bravo = client_as(Role.ADMIN, "bravo")
    assert (await bravo.get("/api/v1/feedback", params={"after": page["next"]})).json()["items"] == []
