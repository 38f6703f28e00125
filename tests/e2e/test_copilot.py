"""Beside a ticket: what is fetched slowly, what is drafted and edited, in Korean and English, and by two tenants."""

import asyncio
from pathlib import Path

import pytest

from sandbox.serve import SandboxOptions, running_sandbox
from tests.api.events import events_of
from tests.e2e.trip import Json, Tenant, running_trip


async def test_an_unknown_ticket_that_takes_long_is_told_where_to_ask_again(tmp_path: Path) -> None:
    options = SandboxOptions(tickets=30)
    async with running_sandbox(options) as sandbox, running_trip(tmp_path / "data", init_wait_seconds=0.0) as trip:
        acme, other = await trip.onboard("acme"), await trip.onboard("other")
        await acme.connect(sandbox)
        ticket = next(each for each in sandbox.account.tickets.values() if each.state == "live" and each.flow == "solved")
        waiting = await acme.client.get(f"/api/v1/init/{ticket.id}", params={"top_k": 3})
        assert (waiting.status_code, waiting.json()["state"]) == (202, "fetching")
        assert waiting.headers["retry-after"]
        assert waiting.headers["location"] == waiting.json()["poll"] == f"/api/v1/init/{ticket.id}?top_k=3"
        brief = await _polled(acme, waiting.headers["location"])
        assert brief["title"] == ticket.subject
        assert (await _polled(acme, "/api/v1/init/987654321"))["error"]["code"] == "ticket_not_found"
        assert (await _polled(other, f"/api/v1/init/{ticket.id}"))["error"]["code"] == "ticket_not_found"


async def _polled(tenant: Tenant, path: str) -> Json:
    async with asyncio.timeout(30):
        while (answer := await tenant.client.get(path)).status_code == 202:
            await asyncio.sleep(0.05)
    body: Json = answer.json()
    return body


@pytest.mark.parametrize(("language", "tone", "openings"), [("ko", "formal", "안녕하십니까"), ("en", "formal", "Dear ")])
async def test_drafts_stream_and_are_edited(tmp_path: Path, language: str, tone: str, openings: str) -> None:
    async with running_sandbox(SandboxOptions(tickets=60)) as sandbox, running_trip(tmp_path / "data") as trip:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        assert (await acme.sync())["state"] == "completed"
        listed = (await acme.get("/documents", doc_type="ticket", limit=15))["items"]
        grounded = 0
        for ticket in listed:
            wanted = {"ticket_id": ticket["original_id"], "language": language, "tone": tone, "length": "long"}
            events = events_of((await acme.client.post("/api/v1/generate_reply/stream", json=wanted)).text)
            draft = events[-1][2]
            assert (events[-1][1], draft["language"], draft["tone"]) == ("done", language, tone)
            assert draft["text"].startswith(openings)
            assert "".join(data["text"] for _, name, data in events if name == "token").strip() == draft["text"].strip()
            assert bool(draft["citations"]) is draft["grounded"]
            grounded += draft["grounded"]
            short = await acme.post("/rewrite", {"text": draft["text"], "action": "shorten"})
            assert len(short["text"]) <= len(draft["text"])
        assert grounded
        assert {row["purpose"] for row in (await acme.get("/usage"))["items"]} >= {"reply", "rewrite"}
