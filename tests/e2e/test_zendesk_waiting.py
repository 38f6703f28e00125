"""What waits at a Zendesk: years of tickets behind the newest, and suspended mail until somebody recovers it."""

import time

from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk
from sandbox.zendesk import suspended
from tests.e2e.test_gone import stored, tickets_of
from tests.e2e.test_zendesk import A_MINUTE, shown, some
from tests.e2e.trip import Tenant, Trip


async def test_a_first_sync_of_many_pages_begins_with_the_newest_and_reads_nothing_twice(trip: Trip) -> None:
    options = SandboxOptions(tickets=600, export_page=60, export_quota=100_000, reference=int(time.time()) - A_MINUTE)
    async with running_zendesk(options) as zendesk:
        tenant = await trip.onboard("acme")
        await tenant.connect_zendesk(zendesk)
        run = await tenant.sync()
        assert (run["state"], run["error_message"], run["counts"]["failed"]) == ("completed", "", 0), run
        documents = await stored(trip)
        tickets = tickets_of(documents)
        assert set(tickets) == shown(zendesk)
        lately = [number for number in tickets if zendesk.account.tickets[number].updated_at >= options.reference - 59 * 86_400]
        assert run["counts"]["stored"] == len(documents), "what was named twice is stored once"
        assert len(lately) <= run["counts"]["unchanged"] <= 2 * len(lately)
        again = await tenant.sync()
        assert (again["counts"]["stored"], again["counts"]["deleted"]) == (0, 0)


async def test_suspended_mail_is_not_found_before_somebody_recovers_it(trip: Trip) -> None:
    async with running_zendesk(SandboxOptions(tickets=60, export_quota=1_000)) as zendesk:
        tenant = await trip.onboard("acme")
        await tenant.connect_zendesk(zendesk)
        await _suspended_and_recovered(trip, tenant, zendesk)


async def _suspended_and_recovered(trip: Trip, tenant: Tenant, zendesk: ZendeskServer) -> None:
    question, fields = "quokka feeding schedule", {"subject": "Quokka feeding schedule", "content": "<p>Feed the quokka at noon.</p>"}
    answered = some(zendesk, 1)[0]
    mail = suspended.suspend(zendesk.site, fields)
    reply = suspended.suspend(zendesk.site, {"content": "<p>Wombats eat at dawn.</p>", "ticket_id": answered})
    await tenant.sync()
    await trip.settle("acme")
    assert set(tickets_of(await stored(trip))) == shown(zendesk)
    assert not any("uokka" in ticket["title"] for ticket in (await tenant.ask(question))["tickets"])
    number = suspended.recover(zendesk.site, mail.id)
    assert suspended.recover(zendesk.site, reply.id) == answered
    zendesk.site.pass_time(A_MINUTE)
    assert (await tenant.sync())["counts"]["stored"] == 2
    await trip.settle("acme")
    assert (await tenant.ask(question))["tickets"][0]["original_id"] == str(number)
    parts = tickets_of(await stored(trip))[answered].parts
    assert any("Wombats" in part.text for part in parts)
