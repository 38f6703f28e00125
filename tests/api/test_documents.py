"""Reading documents over HTTP: what is internal stays with those who may see it."""

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House, article_id, ticket_id

SECRET = "비밀메모"


async def test_an_agent_sees_everything(searchable: House, client_as: As) -> None:
    agent = client_as(Role.AGENT)
    listed = (await agent.get("/api/v1/documents")).json()
    assert len(listed["items"]) == 3
    detail = (await agent.get(f"/api/v1/documents/{ticket_id('acme')}")).json()
    assert [part["kind"] for part in detail["parts"]] == ["description", "reply", "note"]
    assert SECRET in detail["summary"]["cause"]
    assert {each["attachment_id"] for each in detail["attachments"]} == {"paper-f1", "paper-f2", "paper-f3"}
    chunks = (await agent.get(f"/api/v1/documents/{ticket_id('acme')}/chunks")).json()["items"]
    assert [chunk["ordinal"] for chunk in chunks] == [0, 1, 2]
    assert (await agent.get(f"/api/v1/documents/{article_id('acme', '8')}")).status_code == 200


async def test_a_viewer_sees_nothing_internal(searchable: House, client_as: As) -> None:
    viewer = client_as(Role.VIEWER)
    listed = await viewer.get("/api/v1/documents")
    assert {each["original_id"] for each in listed.json()["items"]} == {"101", "7"}
    detail = await viewer.get(f"/api/v1/documents/{ticket_id('acme')}")
    assert [part["kind"] for part in detail.json()["parts"]] == ["description", "reply"]
    assert detail.json()["summary"]["problem"] == "환불 지연"
    assert {each["attachment_id"] for each in detail.json()["attachments"]} == {"paper-f1", "paper-f3"}
    chunks = await viewer.get(f"/api/v1/documents/{ticket_id('acme')}/chunks")
    assert [chunk["ordinal"] for chunk in chunks.json()["items"]] == [0, 1]
    for text in (listed.text, detail.text, chunks.text):
        assert SECRET not in text
    for path in ("", "/chunks"):
        hidden = await viewer.get(f"/api/v1/documents/{article_id('acme', '8')}{path}")
        assert (hidden.status_code, hidden.json()["error"]["code"]) == (404, "document_not_found")


async def test_who_looked_at_a_document_is_audited_in_its_company_alone(searchable: House, client_as: As) -> None:
    agent, admin, other = client_as(Role.AGENT), client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    for path in ("", "/chunks", "/../nothing"):
        await agent.get(f"/api/v1/documents/{ticket_id('acme')}{path}")
    await client_as(Role.VIEWER).get(f"/api/v1/documents/{article_id('acme', '8')}")
    read = [each for each in (await admin.get("/api/v1/audit")).json()["items"] if each["action"] == "document.read"]
    assert [each["target"] for each in read] == [ticket_id("acme")] * 2, "what was not shown was not looked at"
    assert {each["actor"].partition(":")[0] for each in read} == {"key"}
    assert not [each for each in (await other.get("/api/v1/audit")).json()["items"] if each["action"] == "document.read"]


async def test_filters_and_pages(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    articles = (await agent.get("/api/v1/documents", params={"doc_type": "article", "state": ["indexed", "failed"]})).json()
    assert {each["original_id"] for each in articles["items"]} == {"7", "8"}
    assert [each["original_id"] for each in (await agent.get("/api/v1/documents", params={"search": "지연"})).json()["items"]] == ["101"]
    seen: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = (await agent.get("/api/v1/documents", params={"limit": 1} | ({"after": after} if after else {}))).json()
        seen += [each["original_id"] for each in page["items"]]
        after = page["next"]
    assert sorted(seen) == ["101", "7", "8"]
    for params in ({"after": "nonsense"}, {"limit": 0}, {"state": "happy"}):
        assert (await agent.get("/api/v1/documents", params=params)).status_code == 422
