"""Thumbs over HTTP."""

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House, article_id, ticket_id


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
