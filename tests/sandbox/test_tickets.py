"""Ticket lists, views and conversations keep Freshdesk's rules, the odd ones included."""

import re
from typing import Any

import httpx
import pytest

from sandbox.data.facts import iso
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.sandbox.conftest import client_of

ALL = {"updated_since": "2020-01-01T00:00:00Z", "per_page": "100"}


async def _everything(api: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    page = 1
    while True:
        part = (await api.get("/tickets", params={**ALL, **query, "page": str(page)})).json()
        rows += part
        if len(part) < 100:
            return rows
        page += 1


async def test_without_updated_since_only_the_last_thirty_days(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    rows = (await api.get("/tickets", params={"per_page": 100})).json()
    oldest = iso(sandbox.account.reference - 30 * 86_400)
    assert 0 < len(rows) < 60
    assert all(row["created_at"] >= oldest for row in rows)
    assert rows == sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=True)


async def test_updated_since_is_inclusive(api: httpx.AsyncClient) -> None:
    rows = await _everything(api, order_by="updated_at", order_type="asc")
    since = rows[40]["updated_at"]
    later = await _everything(api, order_by="updated_at", order_type="asc", updated_since=since)
    assert [row["id"] for row in later] == [row["id"] for row in rows if row["updated_at"] >= since]


async def test_deleted_spam_and_archived_are_left_out(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    live = {row["id"] for row in await _everything(api)}
    states = {state: {t.id for t in sandbox.account.tickets.values() if t.state == state} for state in ("deleted", "spam", "archived")}
    assert live == {t.id for t in sandbox.account.tickets.values() if t.state == "live"}
    assert {row["id"] for row in await _everything(api, filter="deleted")} == states["deleted"]
    assert {row["id"] for row in await _everything(api, filter="spam")} == states["spam"]
    deleted, archived = min(states["deleted"]), min(states["archived"])
    assert (await api.get(f"/tickets/{deleted}")).json()["deleted"] is True
    assert (await api.get(f"/tickets/{archived}")).status_code == 404
    assert (await api.get(f"/tickets/archived/{archived}")).json()["archived"] is True
    assert len((await api.get(f"/tickets/archived/{archived}/conversations")).json()) > 1
    assert (await api.put(f"/tickets/{deleted}", json={"status": 2})).status_code == 405


async def test_link_header_leads_through_all_pages_and_then_stops(api: httpx.AsyncClient) -> None:
    seen: list[int] = []
    address: str | None = "/tickets?updated_since=2020-01-01&per_page=50"
    while address:
        answer = await api.get(address)
        seen += [row["id"] for row in answer.json()]
        link = answer.headers.get("Link")
        found = re.fullmatch(r'< (http\S+)>;rel="next"', link) if link else None
        assert link is None or found
        address = found[1] if found else None
    assert len(seen) == len(set(seen)) == len(await _everything(api))


async def test_no_page_beyond_the_cap(api: httpx.AsyncClient) -> None:
    answer = await api.get("/tickets", params={**ALL, "page": "301"})
    assert answer.status_code == 400
    assert answer.json() == {
        "description": "Validation failed",
        "errors": [
            {
                "field": "page",
                "message": "You cannot access tickets beyond the 300th page. Please provide a smaller page number.",
                "code": "invalid_value",
            }
        ],
    }
    assert (await api.get("/tickets", params={**ALL, "page": "300"})).json() == []


async def test_a_smaller_cap_can_be_asked_for() -> None:
    async with running_sandbox(SandboxOptions(tickets=20, page_cap=3)) as server, client_of(server) as api:
        answers = [(await api.get("/tickets", params={**ALL, "per_page": "2", "page": str(page)})).status_code for page in (3, 4)]
    assert answers == [200, 400]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"per_page": "101"}, "per_page"),
        ({"per_page": "x"}, "per_page"),
        ({"page": "0"}, "page"),
        ({"include": "description,nothing"}, "include"),
        ({"order_by": "subject"}, "order_by"),
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"filter": "mine"}, "filter"),
    ],
)
async def test_bad_values_name_their_field(api: httpx.AsyncClient, query: dict[str, str], field: str) -> None:
    answer = await api.get("/tickets", params=query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


async def test_includes_add_what_they_say_and_nothing_else_has_it(api: httpx.AsyncClient) -> None:
    plain = (await api.get("/tickets", params=ALL)).json()[0]
    full = (await api.get("/tickets", params={**ALL, "include": "description,requester,stats,company"})).json()[0]
    assert not {"description", "requester", "stats", "company"} & set(plain)
    assert {"description", "description_text", "requester", "stats", "company"} <= set(full)
    assert full["requester"]["id"] == full["requester_id"]


async def test_the_view_embeds_only_the_ten_oldest_conversations(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    long = next(t.id for t in sandbox.account.tickets.values() if t.flow == "monitor")
    embedded = (await api.get(f"/tickets/{long}", params={"include": "conversations"})).json()["conversations"]
    pages = [(await api.get(f"/tickets/{long}/conversations", params={"per_page": 100, "page": page})).json() for page in (1, 2, 3)]
    everything = pages[0] + pages[1] + pages[2]
    assert len(embedded) == 10
    assert len(everything) > 100
    assert everything[:10] == embedded
    assert [turn["created_at"] for turn in everything] == sorted(turn["created_at"] for turn in everything)


async def test_survey_rows_are_empty_and_notes_are_private(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    rows: dict[int, list[dict[str, Any]]] = {2: [], 6: [], 8: []}
    for ticket in list(sandbox.account.tickets.values()):
        if ticket.state == "live" and ticket.flow == "solved":
            for turn in (await api.get(f"/tickets/{ticket.id}/conversations")).json():
                rows.setdefault(turn["source"], []).append(turn)
    assert {(turn["body"], turn["body_text"]) for turn in rows[6]} == {("<div></div>", "")}
    assert all(turn["private"] for turn in rows[2])
    assert rows[8][0]["to_emails"] == ["engineering@hanbitcloud.example"]


async def test_nulls_happen(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    number = next(t.id for t in sandbox.account.tickets.values() if t.flow == "nulls")
    ticket = (await api.get(f"/tickets/{number}")).json()
    assert [ticket[name] for name in ("due_by", "fr_due_by", "group_id", "responder_id", "type", "company_id")] == [None] * 6


async def test_a_huge_body_is_whole(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    number = next(t.id for t in sandbox.account.tickets.values() if t.flow == "huge")
    assert len((await api.get(f"/tickets/{number}")).json()["description"]) > 200_000


async def test_status_labels_come_from_the_ticket_fields(api: httpx.AsyncClient) -> None:
    fields = {field["name"]: field for field in (await api.get("/ticket_fields")).json()}
    assert fields["status"]["choices"]["8"] == ["Waiting on Engineering", "개발팀 확인 중"]
    assert fields["source"]["choices"]["Whatsapp"] == 13
    assert "Login & Security" in fields["cf_product_area"]["choices"]


async def test_search_wants_quotes_and_finds_by_status(api: httpx.AsyncClient) -> None:
    assert (await api.get("/search/tickets", params={"query": "status:5"})).status_code == 400
    found = (await api.get("/search/tickets", params={"query": '"status:5 AND priority:3"'})).json()
    assert found["total"] >= len(found["results"]) > 0
    assert {(row["status"], row["priority"]) for row in found["results"]} == {(5, 3)}


async def test_ratings_belong_to_surveyed_tickets(api: httpx.AsyncClient) -> None:
    rating = (await api.get("/surveys/satisfaction_ratings")).json()[0]
    assert (await api.get(f"/tickets/{rating['ticket_id']}/satisfaction_ratings")).json() == [rating]
