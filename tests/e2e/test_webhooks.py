"""A change on the helpdesk is found within seconds, told by a webhook and without any sync; forged and repeated ones do nothing."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.core.model.document import DocState, DocType
from sandbox.freshdesk import change as freshdesk_change
from sandbox.hooks import Hook
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox, running_zendesk
from sandbox.zendesk import change as zendesk_change
from sandbox.zendesk.hooks import new_hook, render
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.e2e.waiting import until

WORD = "훼손된토큰갱신"


async def _listen(trip: Trip, tenant: Tenant, sandbox: SandboxServer) -> dict[str, Any]:
    """Make the tenant's webhook and let the Freshdesk sandbox call it, inside this process."""
    made = await tenant.post(f"/connections/{tenant.connection_id}/webhook", {})
    sandbox.site.hooks.transport = httpx.ASGITransport(trip.runtime.app)
    sandbox.site.hooks.add(Hook(url=made["url"], secret=made["secret"], header=made["guide"]["header"]))
    return made


def _reads(sandbox: SandboxServer) -> int:
    """How often a ticket was read by its number."""
    return sum(count for shape, count in sandbox.stats.requests.items() if shape.startswith("GET") and shape.endswith("/tickets/{id}"))


async def _title(tenant: Tenant, query: str) -> list[str]:
    return [hit["title"] for hit in (await tenant.post("/search", {"query": query}))["hits"]]


async def _left(trip: Trip, company_id: str, connection_id: str) -> int:
    async with trip.runtime.services.database.open(company_id) as uow:
        return len(await uow.nudges.due(connection_id, None, 1_000))


async def test_a_change_is_found_without_a_sync_and_what_is_deleted_goes(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await _listen(trip, acme, sandbox)
    made = freshdesk_change.create(
        sandbox.site, {"subject": f"{WORD} 오류가 납니다", "description": f"<p>{WORD} 후 로그인이 풀립니다.</p>"}
    )

    async def found() -> bool:
        return f"{WORD} 오류가 납니다" in await _title(acme, WORD)

    await until(found)
    assert (await acme.get("/runs"))["items"] == [], "no sync was needed"
    freshdesk_change.set_state(sandbox.site, made.id, "spam")

    async def gone() -> bool:
        return await _title(acme, WORD) == []

    await until(gone)
    freshdesk_change.set_state(sandbox.site, made.id, "live")
    await until(found)
    await sandbox.site.hooks.quiet()
    assert set(sandbox.site.hooks.statuses) == {"202"}


async def test_a_burst_becomes_few_reads(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await _listen(trip, acme, sandbox)
    numbers = sorted(sandbox.account.tickets)[:4]
    sandbox.stats.clear()
    for turn in range(50):
        for number in numbers:
            freshdesk_change.add_turn(sandbox.site, number, {"body": f"<p>{turn + 1}번째 답변</p>"})
    await sandbox.site.hooks.quiet()
    assert sandbox.site.hooks.statuses == Counter({"202": 200})

    async def read() -> bool:
        return await _left(trip, "acme", acme.connection_id) == 0

    await until(read)
    reads = _reads(sandbox)
    assert len(numbers) <= reads <= 40, "200 changes of 4 tickets"
    await trip.settle("acme")
    for number in numbers:
        async with trip.runtime.services.database.open("acme") as uow:
            document = await uow.documents.find("freshdesk", DocType.TICKET, str(number))
        assert document is not None
        assert any("50번째 답변" in part.text for part in document.parts)


async def test_two_tenants_with_the_same_tickets_stay_apart(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    async with running_sandbox(SandboxOptions(tickets=60)) as other_sandbox:
        bravo = await trip.onboard("bravo")
        await bravo.connect(other_sandbox)
        await _listen(trip, acme, sandbox)
        other = await _listen(trip, bravo, other_sandbox)
        number = min(sandbox.account.tickets)
        forged = {other["guide"]["header"]: other["secret"]}
        acme_path = f"/api/v1/webhooks/freshdesk/{acme.connection_id}"
        body = {"ticket_id": str(number), "company_id": "bravo", "connection_id": bravo.connection_id}
        assert (await trip.anonymous.post(acme_path, json=body, headers=forged)).status_code == 401
        assert await _left(trip, "acme", acme.connection_id) == 0
        freshdesk_change.update(sandbox.site, number, {"subject": f"{WORD} acme"})

        async def found() -> bool:
            return f"{WORD} acme" in await _title(acme, WORD)

        await until(found)
        assert (await bravo.get("/documents"))["items"] == []
        assert _reads(sandbox) > 0
        assert _reads(other_sandbox) == 0


async def test_zendesk_signs_and_a_repeated_delivery_does_nothing(trip: Trip) -> None:
    async with running_zendesk(SandboxOptions(tickets=30)) as zendesk:
        acme = await trip.onboard("acme")
        await acme.connect_zendesk(zendesk)
        path = f"/connections/{acme.connection_id}/webhook"
        assert (await acme.post(path, {}))["ready"] is False
        hook = new_hook(f"http://desklore.test/api/v1/webhooks/zendesk/{acme.connection_id}")
        assert (await acme.post(path, {"signing_secret": hook.secret}))["ready"] is True
        zendesk.site.hooks.transport = httpx.ASGITransport(trip.runtime.app)
        zendesk.site.hooks.add(hook)
        made = zendesk_change.create(zendesk.site, {"subject": f"{WORD} zendesk", "description": f"<p>{WORD} 문의</p>"})

        async def found() -> bool:
            return f"{WORD} zendesk" in await _title(acme, WORD)

        await until(found)
        headers, body = render(hook, made.id, "status_changed", 900)
        assert (await trip.anonymous.post(hook.url, content=body, headers=headers)).status_code == 202

        async def read() -> bool:
            return await _left(trip, "acme", acme.connection_id) == 0

        await until(read)
        before = zendesk.stats.total
        assert (await trip.anonymous.post(hook.url, content=body, headers=headers)).status_code == 202
        assert await _left(trip, "acme", acme.connection_id) == 0, "taken before: nothing is noted"
        assert zendesk.stats.total == before
        zendesk_change.delete(zendesk.site, made.id)

        async def gone() -> bool:
            return await _title(acme, WORD) == []

        await until(gone)


async def test_what_was_noted_before_a_crash_is_read_after_it(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data") as trip:
        # Nothing that is enqueued from here on is remembered by anybody.
        await trip.runtime.services.queue.stop()
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        await _listen(trip, acme, sandbox)
        freshdesk_change.create(sandbox.site, {"subject": f"{WORD} 전에", "description": "<p>중단되기 전에 들어온 문의</p>"})
        await sandbox.site.hooks.quiet()
        assert await _left(trip, "acme", acme.connection_id) == 1
        assert (await acme.get("/documents"))["items"] == []
    async with running_trip(tmp_path / "data") as trip:
        acme = trip.tenant("acme", acme.api_key)

        async def found() -> bool:
            return f"{WORD} 전에" in await _title(acme, WORD)

        await until(found)


@pytest.mark.parametrize("state", ["paused"])
async def test_what_comes_in_for_a_paused_connection_waits(trip: Trip, acme: Tenant, sandbox: SandboxServer, state: str) -> None:
    await _listen(trip, acme, sandbox)
    await acme.client.patch(f"/api/v1/connections/{acme.connection_id}", json={"state": state})
    sandbox.stats.clear()
    number = min(sandbox.account.tickets)
    freshdesk_change.update(sandbox.site, number, {"subject": f"{WORD} 쉬는 중"})
    await sandbox.site.hooks.quiet()
    assert sandbox.site.hooks.statuses == Counter({"202": 1})
    assert await _left(trip, "acme", acme.connection_id) == 1
    assert _reads(sandbox) == 0
    await acme.client.patch(f"/api/v1/connections/{acme.connection_id}", json={"state": "active"})

    async def found() -> bool:
        return f"{WORD} 쉬는 중" in await _title(acme, WORD)

    await until(found)


async def test_webhooks_are_read_beside_a_running_sync(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await _listen(trip, acme, sandbox)
    sandbox.site.latency = 0.02
    run = await acme.post("/ingest", {"connection_id": acme.connection_id})
    freshdesk_change.create(sandbox.site, {"subject": f"{WORD} 동시에", "description": "<p>동기화하는 동안</p>"})

    async def read() -> bool:
        return await _left(trip, "acme", acme.connection_id) == 0

    await sandbox.site.hooks.quiet()
    await until(read)
    assert (await acme.wait(run["run_id"]))["state"] == "completed"
    await trip.settle("acme")
    assert f"{WORD} 동시에" in await _title(acme, WORD)
    async with trip.runtime.services.database.open("acme") as uow:
        states = await uow.documents.counts()
    assert states.get(DocState.FAILED, 0) == 0
