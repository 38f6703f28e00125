"""A webhook is made at Zendesk over its API, once; it tells of changes, and goes with the connection. Nobody sees its secret."""

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_zendesk
from sandbox.zendesk import change
from tests.e2e.trip import Tenant, Trip
from tests.e2e.waiting import until

WORD = "자동등록웹훅"


@pytest.fixture
async def zendesk(trip: Trip) -> AsyncIterator[ZendeskServer]:
    """A small Zendesk that calls into this process."""
    async with running_zendesk(SandboxOptions(tickets=8)) as server:
        server.site.hooks.transport = httpx.ASGITransport(trip.runtime.app)
        yield server


@pytest.fixture
async def company(trip: Trip, zendesk: ZendeskServer) -> Tenant:
    """A company connected to it."""
    tenant = await trip.onboard("acme")
    await tenant.connect_zendesk(zendesk)
    return tenant


def _path(tenant: Tenant) -> str:
    return f"/connections/{tenant.connection_id}/webhook"


async def _found(tenant: Tenant) -> bool:
    return bool((await tenant.post("/search", {"query": WORD}))["hits"])


@pytest.mark.parametrize("has_events", [True, False])
async def test_it_is_made_once_and_tells_of_changes(company: Tenant, zendesk: ZendeskServer, *, has_events: bool) -> None:
    zendesk.site.rules.has_events = has_events
    made = await company.post(f"{_path(company)}/registration", {})
    assert made["url"] == f"http://desklore.test/api/v1/webhooks/zendesk/{company.connection_id}"
    assert bool(made["trigger_id"]) is not has_events
    assert (await company.post(f"{_path(company)}/registration", {})) == made
    ((_, hook),) = zendesk.site.rules.webhooks.values()
    assert len(zendesk.site.rules.triggers) == (not has_events)
    assert hook.secret not in str(made)
    shown = await company.get(f"/connections/{company.connection_id}")
    assert shown["webhook"]["registered"] is True
    assert hook.secret not in str(shown)
    change.create(zendesk.site, {"subject": f"{WORD} 문의", "description": f"<p>{WORD}</p>"})

    async def found() -> bool:
        return await _found(company)

    await until(found)
    assert (await company.get("/runs"))["items"] == []
    assert (await company.client.delete(f"/api/v1{_path(company)}")).status_code == 204
    assert not zendesk.site.rules.webhooks
    assert not zendesk.site.rules.triggers


async def test_a_new_address_replaces_the_old_one(trip: Trip, company: Tenant, zendesk: ZendeskServer) -> None:
    before = await company.post(f"{_path(company)}/registration", {})
    trip.runtime.app.state.public_url = "https://desklore.acme.example/help"
    after = await company.post(f"{_path(company)}/registration", {})
    assert after["url"] == f"https://desklore.acme.example/help/api/v1/webhooks/zendesk/{company.connection_id}"
    assert after["webhook_id"] != before["webhook_id"]
    assert list(zendesk.site.rules.webhooks) == [after["webhook_id"]]
    assert (await company.post(_path(company), {}))["url"] == after["url"], "the guide too"


async def test_it_goes_with_the_connection_even_if_zendesk_can_not_be_asked(company: Tenant, zendesk: ZendeskServer) -> None:
    made = await company.post(f"{_path(company)}/registration", {})
    gone = (await company.client.delete(f"/api/v1/connections/{company.connection_id}")).json()
    assert (gone["webhook_left"], zendesk.site.rules.webhooks) == ("", {})
    await company.connect_zendesk(zendesk)
    made = await company.post(f"{_path(company)}/registration", {})
    zendesk.site.rules.triggers[1] = {"title": "other", "actions": [{"field": "notification_webhook", "value": [made["webhook_id"], ""]}]}
    gone = (await company.client.delete(f"/api/v1/connections/{company.connection_id}")).json()
    assert gone["webhook_left"] == made["webhook_id"], "a trigger of somebody else's calls it"


async def test_who_may_not_is_told_what_it_takes(trip: Trip, zendesk: ZendeskServer, sandbox: SandboxServer) -> None:
    agent = await trip.onboard("agent")
    await agent.connect_zendesk(zendesk, email=zendesk.restricted_email, api_token=zendesk.api_key)
    refused = await agent.client.post(f"/api/v1{_path(agent)}/registration")
    assert refused.json()["error"]["code"] == "source_permission_missing"
    assert "webhooks:write" in refused.json()["error"]["message"]
    assert (await agent.get(f"/connections/{agent.connection_id}"))["state"] == "active"
    other = await trip.onboard("other")
    await other.connect(sandbox)
    refused = await other.client.post(f"/api/v1{_path(other)}/registration")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
    assert "desklore connections webhook" in refused.json()["error"]["message"]
    assert (await other.client.post(f"/api/v1{_path(agent)}/registration")).status_code == 404, "somebody else's"
