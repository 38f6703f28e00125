"""The remote control changes data and orders failures."""

import httpx
import pytest

from sandbox.serve import SandboxServer


async def _ids(api: httpx.AsyncClient, **query: str) -> set[int]:
    rows = (await api.get("/tickets", params={"updated_since": "2026-10-01", "per_page": "100", **query})).json()
    return {row["id"] for row in rows}


async def test_without_its_key_there_is_no_control(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{sandbox.base_url}/_sandbox/stats")
    assert answer.status_code == 404


async def test_changes_move_updated_at(sandbox: SandboxServer, api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    number = next(t.id for t in sandbox.account.tickets.values() if t.flow == "solved" and t.state == "live")
    before = (await api.get(f"/tickets/{number}/conversations")).json()
    await control.put(f"/tickets/{number}", json={"subject": "제목이 바뀌었습니다", "custom_fields": {"cf_vip": True}})
    await control.post(f"/tickets/{number}/conversations", json={"body": "<div>새 답변입니다</div>", "incoming": True})
    ticket = (await api.get(f"/tickets/{number}")).json()
    after = (await api.get(f"/tickets/{number}/conversations")).json()
    assert ticket["subject"] == "제목이 바뀌었습니다"
    assert ticket["custom_fields"]["cf_vip"] is True
    assert [turn["id"] for turn in after[:-1]] == [turn["id"] for turn in before]
    assert after[-1]["body_text"] == "새 답변입니다"
    assert await _ids(api) == {number}


async def test_a_new_ticket_is_listed(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    made = (await control.post("/tickets", json={"subject": "새 문의", "description": "<p>배송이 늦어요</p>", "tags": ["late"]})).json()
    ticket = (await api.get(f"/tickets/{made['id']}")).json()
    assert (ticket["subject"], ticket["description_text"], ticket["tags"]) == ("새 문의", "배송이 늦어요", ["late"])
    assert made["id"] in {row["id"] for row in (await api.get("/tickets")).json()}


async def test_delete_restore_spam_archive_and_vanish(sandbox: SandboxServer, api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    number = next(t.id for t in sandbox.account.tickets.values() if t.state == "live")
    assert (await api.delete(f"/tickets/{number}")).status_code == 204
    assert await _ids(api, filter="deleted") == {number}
    assert (await api.put(f"/tickets/{number}/restore")).status_code == 204
    await control.post(f"/tickets/{number}/spam")
    assert await _ids(api, filter="spam") == {number}
    await control.post(f"/tickets/{number}/archive")
    assert (await api.get(f"/tickets/{number}")).status_code == 404
    assert (await api.get(f"/tickets/archived/{number}")).status_code == 200
    await control.delete(f"/tickets/{number}")
    assert (await api.get(f"/tickets/archived/{number}")).status_code == 404


async def test_a_merge_closes_with_a_note(sandbox: SandboxServer, api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    first, second = [t.id for t in sandbox.account.tickets.values() if t.flow == "solved" and t.state == "live"][:2]
    await control.post(f"/tickets/{second}/merge", json={"into": first})
    note = (await api.get(f"/tickets/{second}/conversations")).json()[-1]
    assert str(first) in note["body_text"]
    assert note["private"] is True
    assert (await api.get(f"/tickets/{second}")).json()["status"] == 5


async def test_a_bulk_edit_gives_many_tickets_one_time(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("/touch", json={"count": 50, "updated_at": 1_795_000_000})
    rows = (await api.get("/tickets", params={"updated_since": "2026-10-01", "per_page": "100"})).json()
    assert len(rows) > 30
    assert len({row["updated_at"] for row in rows}) == 1


async def test_articles_change_unpublish_and_go(sandbox: SandboxServer, api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    number = min(sandbox.account.shelf.articles)
    await control.put(f"/articles/{number}", json={"lang": "en", "title": "Changed"})
    assert (await api.get(f"/solutions/articles/{number}/en")).json()["title"] == "Changed"
    await control.post(f"/articles/{number}/unpublish")
    assert (await api.get(f"/solutions/articles/{number}")).json()["status"] == 1
    await control.delete(f"/articles/{number}")
    assert (await api.get(f"/solutions/articles/{number}")).status_code == 404


async def test_reset_brings_the_first_day_back(sandbox: SandboxServer, api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    before = (await api.get("/tickets/1")).json()
    await control.put("/tickets/1", json={"subject": "x"})
    await control.post("/reset")
    assert (await api.get("/tickets/1")).json() == before
    assert sandbox.stats.total == 1


async def test_stats_count_by_shape(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await api.get("/tickets/1")
    await api.get("/tickets/2")
    stats = (await control.get("/stats")).json()
    assert stats["requests"] == {"GET /api/v2/tickets/{id}": 2}
    assert stats["max_active"] == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("429", 429), ("429_no_retry_after", 429), ("500", 500), ("502_html", 502), ("401", 401), ("403", 403)]
)
async def test_status_faults_strike_once(api: httpx.AsyncClient, control: httpx.AsyncClient, kind: str, status: int) -> None:
    await control.post("/faults", json={"match": "/tickets/1$", "kind": kind, "seconds": 3})
    # The address has a question mark even without a query, so a dollar after the path matches nothing.
    assert (await api.get("/tickets/1")).status_code == 200
    await control.delete("/faults")
    await control.post("/faults", json={"match": r"/tickets/1\?", "kind": kind, "seconds": 3})
    struck, well = await api.get("/tickets/1"), await api.get("/tickets/1")
    assert (struck.status_code, well.status_code) == (status, 200)
    assert struck.headers.get("Retry-After") == ("3" if kind == "429" else None)


async def test_a_fault_may_come_later_and_more_than_once(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("/faults", json={"match": "/tickets", "kind": "500", "after": 1, "times": 2})
    assert [(await api.get("/tickets/1")).status_code for _ in range(4)] == [200, 500, 500, 200]
    assert (await control.get("/faults")).json()[0]["hits"] == 2


async def test_broken_bodies(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    for kind in ("truncated_json", "malformed", "html_200", "404_unknown_domain"):
        await control.post("/faults", json={"match": "/tickets/1", "kind": kind})
        answer = await api.get("/tickets/1")
        assert answer.status_code == (404 if kind == "404_unknown_domain" else 200)
        with pytest.raises(ValueError, match=r"char \d+"):
            answer.json()


async def test_cut_connections_and_time_outs(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    for kind in ("reset", "timeout"):
        await control.post("/faults", json={"match": "/tickets/1", "kind": kind, "seconds": 0.01})
        with pytest.raises(httpx.TransportError):
            await api.get("/tickets/1")


async def test_an_expired_address_can_be_ordered(
    sandbox: SandboxServer, api: httpx.AsyncClient, control: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    number = next(t.id for t in sandbox.account.tickets.values() if t.flow == "every_file")
    await control.post("/faults", json={"match": f"/tickets/{number}", "kind": "expired_url"})
    stale = (await api.get(f"/tickets/{number}")).json()["attachments"][0]["attachment_url"]
    fresh = (await api.get(f"/tickets/{number}")).json()["attachments"][0]["attachment_url"]
    assert ((await anonymous.get(stale)).status_code, (await anonymous.get(fresh)).status_code) == (403, 200)


async def test_an_unknown_fault_is_refused(control: httpx.AsyncClient) -> None:
    answer = await control.post("/faults", json={"match": "x", "kind": "flood"})
    assert answer.status_code == 400
    assert "truncated_json" in answer.text


async def test_limits_and_latency_change_while_running(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.put("/settings", json={"quota": 10, "latency_ms": 1})
    assert float((await api.get("/groups")).headers["X-Ratelimit-Total"]) == 10
