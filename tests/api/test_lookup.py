"""A question that names a ticket by its number: it comes first, for those who may see it."""

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.events import events_of
from tests.api.house import House, ticket_id
from tests.api.test_groups import holder, in_groups

pytestmark = pytest.mark.usefixtures("searchable")

NAMED = {"question": "티켓 101은 어떻게 처리했나요?"}


async def test_a_named_ticket_comes_first_and_is_answered_from(client_as: As) -> None:
    found = (await client_as(Role.AGENT).post("/api/v1/query", json=NAMED)).json()
    assert (found["intent"], found["tickets"][0]["document_id"]) == ("lookup", ticket_id("acme"))
    assert found["tickets"][0]["explanation"] == ["the question names it"]
    assert found["answer"]["grounded"]
    assert found["answer"]["citations"][0]["document_id"] == ticket_id("acme")
    other = (await client_as(Role.AGENT, "bravo").post("/api/v1/query", json=NAMED)).json()
    assert [hit["document_id"] for hit in other["tickets"]] == [ticket_id("bravo")]
    events = events_of((await client_as(Role.AGENT).post("/api/v1/query/stream", json=NAMED)).text)
    hits = next(data for _, name, data in events if name == "hits")
    assert (hits["intent"], hits["answerable"], hits["hits"][0]["document_id"]) == ("lookup", True, ticket_id("acme"))


async def test_only_agents_read_its_notes(client_as: As) -> None:
    asked = {"question": "#101 비밀메모"}
    assert "비밀메모: 결제사" in (await client_as(Role.AGENT).post("/api/v1/query", json=asked)).text
    viewer = await client_as(Role.VIEWER).post("/api/v1/query", json=asked)
    assert viewer.json()["intent"] == "lookup"
    assert "비밀메모: 결제사" not in viewer.text


async def test_a_ticket_of_another_group_is_not_there(searchable: House, client_as: As) -> None:
    await in_groups(searchable, "acme")
    theirs = await holder(client_as, ["결제팀"])
    assert (await theirs.post("/api/v1/query", json=NAMED)).json()["intent"] == "lookup"
    hidden = (await theirs.post("/api/v1/query", json={"question": "티켓 202는 어떻게 처리했나요?"})).json()
    assert hidden["intent"] == "question"
    assert "202" not in {hit["original_id"] for hit in hidden["tickets"]}


@pytest.mark.parametrize(
    "asked",
    [
        {"question": "티켓 99999는 어떻게 처리했나요?"},
        {"question": "101번 오류가 나요"},
        NAMED | {"filters": {"doc_types": ["article"]}},
        NAMED | {"filters": {"platforms": ["zendesk"]}},
        NAMED | {"filters": {"tags": ["배송"]}},
    ],
)
async def test_what_is_no_lookup(client_as: As, asked: dict[str, object]) -> None:
    found = (await client_as(Role.AGENT).post("/api/v1/query", json=asked)).json()
    assert found["intent"] == "question"
