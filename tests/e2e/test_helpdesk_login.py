"""Agents of the sandboxes get in with their own credentials of Freshdesk and Zendesk, and nobody else does."""

from sandbox.serve import SandboxOptions, running_sandbox
from sandbox.zendesk.serve import running_zendesk
from tests.e2e.trip import Trip

ME = "/api/v1/me"


async def test_credentials_of_both_helpdesks(trip: Trip) -> None:
    async with running_sandbox(SandboxOptions(tickets=10)) as desk, running_zendesk(SandboxOptions(tickets=10)) as zendesk:
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        await acme.connect(desk)
        await bravo.connect_zendesk(zendesk)
        for tenant in (acme, bravo):
            assert (await tenant.client.patch("/api/v1/settings", json={"helpdesk_login": True})).is_success
        freshdesk = {"X-Platform": "freshdesk", "X-Freshdesk-Domain": "hanbit.freshdesk.com"}
        me = await trip.anonymous.get(ME, headers=freshdesk | {"X-Freshdesk-API-Key": desk.api_key})
        assert (me.json()["company_id"], me.json()["role"], me.json()["helpdesk"]) == ("acme", "agent", "freshdesk")
        assert "@" in me.json()["subject"]
        calls = desk.stats.total
        assert (await trip.anonymous.get(ME, headers=freshdesk | {"X-Freshdesk-API-Key": desk.api_key})).status_code == 200
        assert desk.stats.total == calls
        wrong = await trip.anonymous.get(ME, headers=freshdesk | {"X-Freshdesk-API-Key": "wrong-key-of-nobody"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "unauthenticated")
        # One who sees only what is assigned to them there.
        some = await trip.anonymous.get(ME, headers=freshdesk | {"X-Freshdesk-API-Key": desk.restricted_key})
        assert some.json()["groups"] == []

        domain = {"X-Platform": "zendesk", "X-Zendesk-Domain": "hanbit.zendesk.com"}
        token = {"X-Zendesk-Email": zendesk.credentials["email"], "X-Zendesk-API-Token": zendesk.credentials["api_token"]}
        me = await trip.anonymous.get(ME, headers=domain | token)
        assert (me.json()["company_id"], me.json()["role"], me.json()["helpdesk"]) == ("bravo", "agent", "zendesk")
        # Zendesk answers 200 to a wrong token, as an anonymous user.
        assert (await trip.anonymous.get(ME, headers=domain | token | {"X-Zendesk-API-Token": "wrong"})).status_code == 401
        assert (await trip.anonymous.get(ME, headers=domain | {"X-Zendesk-OAuth-Token": "wrong"})).status_code == 401
        assert (await trip.anonymous.get(ME, headers=domain | {"X-Zendesk-OAuth-Token": zendesk.options.oauth_token})).status_code == 200
