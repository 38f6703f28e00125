"""The copilot over HTTP: cited answers, whole and streamed."""

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.events import events_of
from tests.api.house import article_id

pytestmark = pytest.mark.usefixtures("searchable")

QUESTION = {"question": "환불은 영업일 기준 며칠 안에 처리됩니까?"}


async def test_an_answer_has_sources(client_as: As) -> None:
    result = (await client_as(Role.MEMBER).post("/api/v1/query", json=QUESTION)).json()
    answer = result["answer"]
    assert answer["grounded"] is True
    assert answer["citations"][0]["number"] == 1
    assert answer["citations"][0]["document_id"] == article_id("acme", "7")
    assert "3일" in answer["text"]
    assert [hit["original_id"] for hit in result["articles"]] == ["7"]


async def test_nonsense_has_none(client_as: As) -> None:
    answer = (await client_as(Role.MEMBER).post("/api/v1/query", json={"question": "quantum giraffe trombone"})).json()["answer"]
    assert (answer["grounded"], answer["citations"]) == (False, [])


async def test_no_way_to_internal_texts_without_the_scope(client_as: As) -> None:
    viewer = client_as(Role.VIEWER)
    asked = {"question": "비밀메모 결제사 담당자는 박과장"}
    assert "비밀메모: 결제사" not in (await viewer.post("/api/v1/query", json=asked)).text
    for visibilities in (["internal"], ["public", "internal"]):
        refused = await viewer.post("/api/v1/query", json=asked | {"filters": {"visibilities": visibilities}})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert "비밀메모: 결제사" in (await client_as(Role.AGENT).post("/api/v1/query", json=asked)).text


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/query/stream"])
async def test_a_question_of_many_characters(client_as: As, path: str) -> None:
    refused = await client_as(Role.MEMBER).post(path, json={"question": "a" * 100_000})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "question_too_long")


async def test_a_streamed_answer(client_as: As) -> None:
    response = await client_as(Role.MEMBER).post("/api/v1/query/stream", json=QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    events = events_of(response.text)
    assert [number for number, _, _ in events] == [str(number) for number in range(1, len(events) + 1)]
    names = [name for _, name, _ in events]
    assert (names[:2], names[-1], set(names[2:-1])) == (["stream", "hits"], "done", {"token"})
    assert events[0][2]["stream_id"].startswith("stream_")
    assert events[1][2]["hits"][0]["chunk"]["text"]
    assert events[-1][2]["citations"]
    assert "".join(data["text"] for _, name, data in events if name == "token").strip() == events[-1][2]["text"].strip()
