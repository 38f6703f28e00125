"""One person's data over HTTP: who may, what is told, what is refused."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from backend.core import clock
from backend.core.ingest.pipeline.compact import compact_when_due
from backend.core.ingest.pipeline.person_erase import erase_person
from backend.core.model.answer import Answer
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.connection import Connection
from backend.core.model.document import Part
from backend.core.model.erasure import Erasure, ErasureState
from backend.core.model.tenant import Role, SealedSecret
from backend.core.model.ticket import Role as Author
from tests.api.conftest import As
from tests.api.house import House, ticket_id

EMAIL = "kim.minsu@customer.example"


@pytest.fixture
async def spoken(house: House) -> House:
    """A ticket and an answer of each company that name the person."""
    for company in ("acme", "bravo"):
        async with house.services.database.open(company) as uow:
            document = await uow.documents.get(ticket_id(company))
            assert document is not None
            said = Part(
                kind="reply", text=f"{EMAIL}로 보내 주세요", visibility=Visibility.CONVERSATION, role=Author.CUSTOMER, at=clock.now()
            )
            await uow.documents.put([msgspec.structs.replace(document, parts=(*document.parts, said), requester=EMAIL)])
            answer = Answer(
                answer_id="ans_1",
                question=f"{EMAIL}?",
                text=f"Ask <{EMAIL.upper()}>.",
                language="en",
                grounded=False,
                citations=(),
                model="m",
                provider="p",
                usage=Usage(),
                created_at=clock.now(),
            )
            await uow.feedback.put_answer(answer)
    return house


async def told(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.post("/api/v1/people/export", json={"email": EMAIL})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_all_that_is_held_is_told_with_its_place(spoken: House, client_as: As) -> None:
    items = await told(client_as(Role.ADMIN))
    assert sorted(each["kind"] for each in items) == ["answers", "document", "mention", "requester"]
    mention = next(each for each in items if each["kind"] == "mention")
    assert (mention["document_id"], mention["text"]) == (ticket_id("acme"), f"{EMAIL}로 보내 주세요")
    assert mention["where"].startswith("parts[")
    [entry] = (await client_as(Role.ADMIN).get("/api/v1/audit", params={"action": "person.export"})).json()["items"]
    assert EMAIL not in str(entry)


async def test_it_is_erased_in_one_company_only(spoken: House, client_as: As) -> None:
    admin, bravo = client_as(Role.ADMIN), client_as(Role.ADMIN, "bravo")
    before = await told(bravo)
    counted = (await admin.post("/api/v1/people/erase", json={"email": EMAIL, "dry_run": True})).json()
    assert counted["held"]["mentions"] == counted["held"]["answers"] == 1
    begun = await admin.post("/api/v1/people/erase", json={"email": f" {EMAIL.upper()} "})
    assert begun.status_code == 202
    erasure_id = begun.json()["erasure_id"]
    assert begun.headers["Location"].endswith(erasure_id)
    for _ in range(2):
        await erase_person(spoken.services, "acme", erasure_id)
    async with spoken.services.database.open("acme") as uow:
        document = await uow.documents.get(ticket_id("acme"))
        answer = await uow.feedback.get_answer("ans_1")
    assert document is not None
    assert answer is not None
    assert (document.requester, document.parts[-1].text) == ("[erased]", "[erased]로 보내 주세요")
    assert (answer.question, answer.text) == ("[erased]?", "Ask <[erased]>.")
    assert await told(admin) == []
    assert [each["where"] for each in await told(bravo)] == [each["where"] for each in before]
    assert (await bravo.get(f"/api/v1/people/erasures/{erasure_id}")).status_code == 404
    shown = (await admin.get("/api/v1/people/erasures")).json()["items"]
    assert [each["erasure_id"] for each in shown] == [erasure_id]
    assert EMAIL not in str(shown)


@pytest.mark.parametrize("role", [Role.AGENT, Role.MEMBER, Role.VIEWER, Role.OPERATOR, None])
async def test_only_an_admin_may(client_as: As, role: Role | None) -> None:
    client = client_as(role)
    for path in ("export", "erase"):
        assert (await client.post(f"/api/v1/people/{path}", json={"email": EMAIL})).status_code in (401, 403)
    assert (await client.get("/api/v1/people/erasures")).status_code in (401, 403)


async def test_an_admin_who_may_not_see_all_tickets_may_not(client_as: As) -> None:
    admin = client_as(Role.ADMIN)
    made = await admin.post("/api/v1/keys", json={"name": "few", "role": "admin", "scopes": ["settings", "documents:read"]})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['api_key']}"}
    assert (await client_as(None).post("/api/v1/people/export", json={"email": EMAIL}, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"email": "kim"}, {"email": "a@b.example, c@d.example"}, {"phone": "12"}, {"email": "김@예.한국"}, {"name": "Kim"}]
)
async def test_whom_nobody_could_find_is_refused(client_as: As, body: dict[str, str]) -> None:
    for path in ("export", "erase"):
        assert (await client_as(Role.ADMIN).post(f"/api/v1/people/{path}", json=body)).status_code == 422


async def test_the_archive_is_not_compacted_while_a_person_is_erased(house: House) -> None:
    async def look() -> None:
        return None

    long_ago = clock.now() - timedelta(days=400)
    connection = Connection(
        connection_id="conn_old", platform="paper", domain="acme.example", credentials=SealedSecret(""), created_at=long_ago
    )
    erasure = Erasure(erasure_id="erase_1", created_at=clock.now(), hashes=("h",), key=SealedSecret(""))
    for company, state, compacted in (("acme", ErasureState.RUNNING, False), ("bravo", None, True), ("acme", ErasureState.DONE, True)):
        if state is not None:
            async with house.services.database.open(company, write=True) as uow:
                await uow.erasures.put(msgspec.structs.replace(erasure, state=state))
        assert await compact_when_due(house.services, company, connection, look) is compacted
