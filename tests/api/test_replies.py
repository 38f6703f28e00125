"""Reply drafts over HTTP: streamed and whole, in the tone, length and language asked for, with nothing internal."""

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.events import events_of

pytestmark = pytest.mark.usefixtures("searchable")


async def test_a_reply_draft_is_for_agents_and_holds_nothing_internal(client_as: As) -> None:
    wanted = {"ticket_id": "101", "tone": "formal", "language": "ko", "length": "short"}
    draft = await client_as(Role.AGENT).post("/api/v1/generate_reply", json=wanted)
    assert draft.status_code == 200, draft.text
    assert draft.json()["text"]
    assert "비밀메모" not in draft.text
    assert "internal" not in {each["visibility"] for each in draft.json()["citations"]}
    assert (await client_as(Role.MEMBER).post("/api/v1/generate_reply", json=wanted)).status_code == 403
    assert (await client_as(Role.AGENT).post("/api/v1/generate_reply", json=wanted | {"tone": "rude"})).status_code == 422


async def test_a_streamed_draft_is_the_whole_one_in_pieces(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    wanted = {"ticket_id": "101", "tone": "formal", "language": "ko", "length": "long"}
    response = await agent.post("/api/v1/generate_reply/stream", json=wanted)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    names = [name for _, name, _ in events]
    assert (names[:2], names[-1], set(names[2:-1])) == (["stream", "hits"], "done", {"token"})
    draft = events[-1][2]
    assert (draft["tone"], draft["length"], draft["language"]) == ("formal", "long", "ko")
    assert draft["text"].startswith("안녕하십니까, 이고객님.")
    assert "".join(data["text"] for _, name, data in events if name == "token").strip() == draft["text"]
    assert "비밀메모" not in response.text
    assert "internal" not in {each["visibility"] for each in draft["citations"]}
    whole = (await agent.post("/api/v1/generate_reply", json=wanted)).json()
    assert (whole["text"], whole["citations"]) == (draft["text"], draft["citations"])


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_drafts_are_for_agents(client_as: As, role: Role) -> None:
    refused = await client_as(role).post("/api/v1/generate_reply/stream", json={"ticket_id": "101"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


async def test_an_unknown_ticket_is_an_ordinary_error_also_of_the_stream(client_as: As) -> None:
    missing = await client_as(Role.AGENT).post("/api/v1/generate_reply/stream", json={"ticket_id": "999999"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ticket_not_found")


async def test_two_tenants_with_the_same_ticket_id_get_their_own_drafts(client_as: As) -> None:
    told = {}
    for company_id, other in (("acme", "bravo"), ("bravo", "acme")):
        response = await client_as(Role.AGENT, company_id).post("/api/v1/generate_reply/stream", json={"ticket_id": "101"})
        assert f"({other})" not in response.text
        told[company_id] = events_of(response.text)[-1][2]
    assert told["acme"]["document_id"] != told["bravo"]["document_id"]
    assert not {each["document_id"] for each in told["acme"]["citations"]} & {each["document_id"] for each in told["bravo"]["citations"]}


DRAFT = """안녕하세요, 김민수님.
문의해 주셔서 감사합니다.
불편을 드려 죄송합니다.

- 저장된 자격 증명을 삭제하세요 [1].
- ERR-4012 오류가 계속되면 재부팅해 주세요 [2].

추가로 궁금하신 점이 있으시면 언제든지 회신해 주세요.
감사합니다."""


async def test_a_draft_in_another_tone_streamed_and_whole(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    asked = {"text": DRAFT, "action": "tone", "tone": "formal"}
    made = (await agent.post("/api/v1/rewrite", json=asked)).json()
    assert (made["language"], made["tone"], made["warnings"], made["usage"]["calls"]) == ("ko", "formal", [], 1)
    assert "삭제하십시오 [1]." in made["text"]
    assert "세요" not in made["text"]
    events = events_of((await agent.post("/api/v1/rewrite/stream", json=asked)).text)
    assert (events[0][1], {name for _, name, _ in events[1:-1]}) == ("stream", {"token"})
    assert events[-1][2]["text"] == made["text"] == "".join(data["text"] for _, name, data in events if name == "token")
    usage = (await client_as(Role.ADMIN).get("/api/v1/usage")).json()
    assert [row["usage"]["calls"] for row in usage["items"] if row["purpose"] == "rewrite"] == [2]
    foreign = (await client_as(Role.ADMIN, "bravo").get("/api/v1/usage")).json()
    assert not [row for row in foreign["items"] if row["purpose"] == "rewrite"]


async def test_a_shorter_draft_keeps_its_steps(client_as: As) -> None:
    made = (await client_as(Role.AGENT).post("/api/v1/rewrite", json={"text": DRAFT, "action": "shorten"})).json()
    assert len(made["text"]) < 0.75 * len(DRAFT)
    assert "삭제하세요 [1]." in made["text"]
    assert "재부팅해 주세요 [2]." in made["text"]


@pytest.mark.parametrize("path", ["/api/v1/rewrite", "/api/v1/rewrite/stream"])
async def test_what_the_offline_model_cannot_do_it_says(client_as: As, path: str) -> None:
    agent = client_as(Role.AGENT)
    for asked in ({"action": "translate", "language": "en"}, {"action": "rephrase"}, {"action": "expand"}):
        refused = await agent.post(path, json={"text": DRAFT, **asked})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "language_model_needed"), asked
        assert asked["action"] in refused.json()["error"]["message"]
    for asked in ({"action": "translate"}, {"action": "tone"}, {"action": "sing"}, {"action": "tone", "tone": "rude"}, {"text": ""}):
        refused = await agent.post(path, json={"text": DRAFT, "action": "shorten", **asked})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request"), asked
    member = await client_as(Role.MEMBER).post(path, json={"text": DRAFT, "action": "shorten"})
    assert (member.status_code, member.json()["error"]["code"]) == (403, "forbidden")
