"""An agent who is restricted to groups: tickets of others don't exist, by any route, from any cache."""

from typing import Any

import httpx
import msgspec
import pytest

from backend.core import ids
from backend.core.model.document import Document
from backend.core.model.groups import marks_of
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House, index_documents, ticket_id
from tests.api.test_briefs import kept

OTHERS = "배송팀만아는말"
QUESTION = {"query": "환불이 지연됩니다"}
ASKED = {"question": "환불이 지연됩니다"}


def hidden_id(company_id: str) -> str:
    return ids.document_id(company_id, "paper", "ticket", "202")


async def in_groups(house: House, company_id: str) -> None:
    """Ticket 101 is in the group 결제팀 (42), 202 with a file of its own in 배송팀 (43), and nobody knows of 303."""
    async with house.services.database.open(company_id) as uow:
        ticket = await uow.documents.get(ticket_id(company_id))
        assert ticket is not None
        documents = [
            msgspec.structs.replace(ticket, groups=marks_of("paper", "42", "결제팀")),
            _copy(ticket, company_id, "202", groups=marks_of("paper", "43", "배송팀")),
            _copy(ticket, company_id, "303", groups=()),
        ]
        await uow.documents.put(documents)
        [file, *_] = await uow.attachments.of([ticket.document_id])
        await uow.attachments.put([msgspec.structs.replace(file, attachment_id="paper-f202", document_id=hidden_id(company_id))])
    await index_documents(house, company_id, documents)


def _copy(ticket: Document, company_id: str, number: str, **changes: Any) -> Document:
    parts = tuple(msgspec.structs.replace(part, text=f"{part.text} {OTHERS} {number}") for part in ticket.parts)
    own = {
        "document_id": ids.document_id(company_id, "paper", "ticket", number),
        "original_id": number,
        "title": f"환불이 지연됩니다 {OTHERS}",
    }
    return msgspec.structs.replace(ticket, parts=parts, **own, **changes)


@pytest.fixture
async def grouped(searchable: House) -> House:
    await in_groups(searchable, "acme")
    await in_groups(searchable, "bravo")
    return searchable


async def holder(client_as: As, groups: list[str] | None, company_id: str = "acme", role: str = "agent") -> httpx.AsyncClient:
    made = await client_as(Role.ADMIN, company_id).post("/api/v1/keys", json={"name": "한 팀", "role": role, "groups": groups})
    assert made.status_code == 201, made.text
    client = client_as(None)
    client.headers["X-API-Key"] = made.json()["api_key"]
    return client


async def everything(client: httpx.AsyncClient) -> dict[str, str]:
    """All that lists, finds, answers and drafts."""
    texts = {}
    for path in ("/search", "/query", "/query/stream"):
        texts[path] = (await client.post(f"/api/v1{path}", json=QUESTION if path == "/search" else ASKED)).text
    for path in ("/generate_reply", "/generate_reply/stream"):
        texts[path] = (await client.post(f"/api/v1{path}", json={"ticket_id": "101"})).text
    for path in ("/init/101", "/init/101/stream", "/documents", "/documents?doc_type=ticket", f"/documents?search={OTHERS}"):
        texts[path] = (await client.get(f"/api/v1{path}")).text
    return texts


@pytest.mark.parametrize("groups", [["결제팀"], ["paper:42"], ["결제팀", "nobody's"]])
async def test_tickets_of_other_groups_are_nowhere(grouped: House, client_as: As, groups: list[str]) -> None:
    agent = await holder(client_as, groups)
    # Whoever sees all of them asks first, so that everything that is kept is there already.
    seen = {path for path, text in (await everything(client_as(Role.AGENT))).items() if OTHERS in text}
    assert seen >= {"/search", "/query", "/query/stream", "/init/101", "/init/101/stream", "/documents", "/documents?doc_type=ticket"}
    for path, text in (await everything(agent)).items():
        assert OTHERS not in text, path
        assert hidden_id("acme") not in text, path
        assert '"202"' not in text, path
        assert '"303"' not in text, path
    tickets = (await agent.get("/api/v1/documents", params={"doc_type": "ticket"})).json()["items"]
    assert [each["original_id"] for each in tickets] == ["101"]
    found = {each["original_id"] for each in (await agent.post("/api/v1/search", json=QUESTION)).json()["hits"]}
    assert "101" in found
    assert found <= {"101", "7", "8"}


async def test_what_is_hidden_looks_like_what_is_not_there(grouped: House, client_as: As) -> None:
    agent = await holder(client_as, ["결제팀"])
    missing = ids.document_id("acme", "paper", "ticket", "999")
    hidden = hidden_id("acme")
    for method, path, body in (
        ("GET", "/init/{number}", None),
        ("GET", "/init/{number}/stream", None),
        ("GET", "/documents/{document}", None),
        ("GET", "/documents/{document}/chunks", None),
        ("GET", "/attachments/{file}", None),
        ("POST", "/generate_reply", {"ticket_id": "{number}"}),
        ("POST", "/generate_reply/stream", {"ticket_id": "{number}"}),
        ("POST", "/feedback", {"document_id": "{document}", "rating": "up"}),
    ):
        told = []
        for number, document, file in (("202", hidden, "paper-f202"), ("999", missing, "paper-f999")):
            named = {"number": number, "document": document, "file": file}
            sent = None if body is None else {name: value.format(**named) for name, value in body.items()}
            response = await agent.request(method, f"/api/v1{path.format(**named)}", json=sent)
            assert response.status_code == 404, (path, response.text)
            error = response.json()["error"]
            told.append((error["code"], error["message"].replace(number, "#").replace(document, "#").replace(file, "#"), error["details"]))
        assert told[0] == told[1], path
    everybody = client_as(Role.AGENT)
    assert (await everybody.get("/api/v1/attachments/paper-f202")).status_code == 200
    assert (await everybody.get(f"/api/v1/documents/{hidden}")).status_code == 200
    assert (await agent.get("/api/v1/attachments/paper-f1")).status_code == 200
    assert (await agent.get(f"/api/v1/documents/{ticket_id('acme')}/chunks")).json()["items"]


async def test_articles_stay_visible_by_their_visibility(grouped: House, client_as: As) -> None:
    agent, viewer = await holder(client_as, ["nobody's"]), await holder(client_as, [], role="viewer")
    assert [each["original_id"] for each in (await agent.get("/api/v1/documents")).json()["items"]] in (["7", "8"], ["8", "7"])
    assert [each["original_id"] for each in (await viewer.get("/api/v1/documents")).json()["items"]] == ["7"]
    about = {"query": "환불은 영업일 기준 3일 안에 처리됩니다"}
    for client, seen in ((viewer, {"7"}), (agent, {"7", "8"})):
        found = {hit["original_id"] for hit in (await client.post("/api/v1/search", json=about)).json()["hits"]}
        assert found
        assert found <= seen


async def test_kept_briefs_are_by_restriction(grouped: House, client_as: As) -> None:
    one, other, everybody = await holder(client_as, ["결제팀"]), await holder(client_as, ["결제팀", "배송팀"]), client_as(Role.AGENT)
    init = "/api/v1/init/101"
    whole = await everybody.get(init)
    assert {"202", "303"} <= {hit["original_id"] for hit in whole.json()["similar"]}
    narrow = await one.get(init, headers={"If-None-Match": whole.headers["etag"]})
    assert narrow.status_code == 200
    assert narrow.json()["similar"] == []
    wider = await other.get(init)
    assert {hit["original_id"] for hit in wider.json()["similar"]} == {"202"}
    assert len({each.headers["etag"] for each in (whole, narrow, wider)}) == 3
    assert kept(grouped) == 0
    assert (await one.get(init)).headers["etag"] == narrow.headers["etag"]
    assert (await (await holder(client_as, ["결제팀"])).get(init)).headers["etag"] == narrow.headers["etag"]
    assert kept(grouped) == 2
    assert "X-Platform" in narrow.headers["vary"]


async def test_pages_neither_skip_nor_tell_of_others(grouped: House, client_as: As) -> None:
    agent = await holder(client_as, ["결제팀"])
    seen, after = [], None
    while True:
        page = (await agent.get("/api/v1/documents", params={"limit": 1} | ({"after": after} if after else {}))).json()
        assert len(page["items"]) == 1
        seen.append(page["items"][0]["original_id"])
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == ["101", "7", "8"]


async def test_feedback_on_answers_that_rest_on_hidden_tickets(grouped: House, client_as: As) -> None:
    agent, everybody = await holder(client_as, ["결제팀"]), client_as(Role.AGENT)
    answer = (await everybody.post("/api/v1/query", json={"question": f"환불이 지연됩니다 {OTHERS}"})).json()["answer"]
    assert {each["original_id"] for each in answer["citations"]} & {"202", "303"}
    rated = {"answer_id": answer["answer_id"], "rating": "up"}
    refused = await agent.post("/api/v1/feedback", json=rated)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "answer_not_found")
    assert (await everybody.post("/api/v1/feedback", json=rated)).status_code == 201
    own = (await agent.post("/api/v1/query", json=ASKED)).json()["answer"]
    assert (await agent.post("/api/v1/feedback", json={"answer_id": own["answer_id"], "rating": "up"})).status_code == 201


async def test_two_companies_with_groups_of_one_name(grouped: House, client_as: As) -> None:
    agent = await holder(client_as, ["결제팀"], "bravo")
    texts = await everything(agent)
    assert ticket_id("bravo") in texts["/documents"]
    for path, text in texts.items():
        assert ticket_id("acme") not in text, path
        assert "(acme)" not in text, path
        assert OTHERS not in text, path


async def test_how_syncs_went_is_not_for_them(client_as: As) -> None:
    agent = await holder(client_as, ["결제팀"])
    me = (await agent.get("/api/v1/me")).json()
    assert (me["groups"], me["role"]) == (["결제팀"], "agent")
    assert "runs:read" not in me["scopes"]
    for path in ("/runs", "/runs/run_x", "/connections/conn_x/failures"):
        assert (await agent.get(f"/api/v1{path}")).status_code == 403
    wanted = {"name": "x", "role": "agent", "groups": ["a"], "scopes": ["runs:read"]}
    assert (await client_as(Role.ADMIN).post("/api/v1/keys", json=wanted)).status_code == 422
    admin = await client_as(Role.ADMIN).post("/api/v1/keys", json={"name": "x", "role": "admin", "groups": ["a"]})
    assert (admin.status_code, "restricted to groups" in admin.text) == (422, True)
    entries = (await client_as(Role.ADMIN).get("/api/v1/audit")).json()["items"]
    assert {"groups": "결제팀"}.items() <= next(each["details"] for each in entries if each["action"] == "key.create").items()


async def test_a_token_is_restricted_as_its_key_or_more(grouped: House, client_as: As) -> None:
    both, everybody = await holder(client_as, ["결제팀", "배송팀"]), client_as(Role.AGENT)

    async def token(client: httpx.AsyncClient, **wanted: Any) -> httpx.Response:
        return await client.post("/api/v1/auth/token", json={"subject": "김상담", **wanted})

    async def tickets(made: httpx.Response) -> set[str]:
        bearer = {"Authorization": f"Bearer {made.json()['access_token']}"}
        listed = await client_as(None).get("/api/v1/documents", params={"doc_type": "ticket"}, headers=bearer)
        return {each["original_id"] for each in listed.json()["items"]}

    assert await tickets(await token(both)) == {"101", "202"}
    assert await tickets(await token(both, groups=["배송팀"])) == {"202"}
    assert await tickets(await token(both, groups=[])) == set()
    assert await tickets(await token(both, role="viewer")) == {"101", "202"}
    assert await tickets(await token(everybody)) == {"101", "202", "303"}
    assert await tickets(await token(everybody, groups=["결제팀"])) == {"101"}
    assert "runs:read" not in (await token(everybody, groups=["결제팀"])).json()["scopes"]
    assert await tickets(await token(client_as(Role.ADMIN), role="agent", groups=["결제팀"])) == {"101"}
    assert (await token(both, groups=["결제팀", "다른 팀"])).status_code == 403
    assert (await token(client_as(Role.ADMIN), groups=["결제팀"])).status_code == 422


async def test_a_group_that_no_ticket_is_in_is_told_where_a_key_or_a_token_is_made(grouped: House, client_as: As) -> None:
    async with grouped.services.database.open("bravo") as uow:
        [theirs] = (await uow.documents.get_many([hidden_id("bravo")])).values()
        await uow.documents.put([msgspec.structs.replace(theirs, groups=marks_of("paper", "44", "Billing & Settlement"))])

    async def made(company_id: str, *groups: str) -> tuple[list[str], list[str]]:
        wanted = {"name": "한 팀", "role": "agent", "groups": groups}
        answer = await client_as(Role.ADMIN, company_id).post("/api/v1/keys", json=wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()["unknown_groups"], answer.json()["known_groups"]

    assert await made("acme", "결제팀", "paper:43") == ([], [])
    assert await made("acme") == ([], [])
    assert await made("acme", "결제팀", "Billing", "paper:44") == (["Billing", "paper:44"], ["결제팀", "배송팀"])
    assert await made("bravo", "billing & SETTLEMENT", "배송팀") == (["배송팀"], ["billing & settlement", "결제팀"])
    agent = await holder(client_as, ["결제팀", "Billing"])
    for groups, told in ((["Billing"], ["Billing"]), (["결제팀"], []), (None, [])):
        token = await agent.post("/api/v1/auth/token", json={"subject": "kim", "groups": groups})
        assert (token.status_code, token.json()["unknown_groups"]) == (201, told)
