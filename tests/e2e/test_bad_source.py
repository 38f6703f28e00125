"""Helpdesks on bad days: every run ends in the state its trouble deserves, and nothing is lost."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.http import client
from backend.core.ingest.pipeline.streams import LEAST_FAILURES
from backend.core.model.document import DocState, DocType
from sandbox.faults import Fault, Kind
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip

LIST, VIEW = r"/tickets\?", r"/tickets/\d+\?"


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SandboxServer]:
    """A helpdesk so small that a run takes a second; who is not told how long to wait does not wait long."""
    monkeypatch.setattr(client, "_UNTOLD_WAIT", 0.2)
    async with running_sandbox(SandboxOptions(tickets=30)) as server:
        yield server


@pytest.fixture
async def trip(tmp_path: Path) -> AsyncIterator[Trip]:
    """A Desklore that soon loses patience."""
    async with running_trip(tmp_path / "data", connector_attempts=2, connector_timeout_seconds=2.5) as made:
        yield made


def order(sandbox: SandboxServer, match: str, kind: Kind, times: int | None = 1, **more: Any) -> None:
    """Let requests fail."""
    sandbox.site.faults.add(Fault(match=match, kind=kind, times=times, **{"seconds": 4 if kind == "timeout" else 0.1} | more))


async def taken(trip: Trip) -> dict[str, DocState]:
    """The tickets that are stored."""
    async with trip.runtime.services.database.open("acme") as uow:
        documents, _ = await uow.documents.list(doc_types=[DocType.TICKET], limit=1000)
    return {document.original_id: document.state for document in documents}


async def assert_nothing_is_missing(trip: Trip, tenant: Tenant, sandbox: SandboxServer) -> None:
    """Every live ticket is searchable or skipped for a reason, every file is kept as it is, and no failure is left.

    Words in pictures come later and are no matter here.
    """
    live = [ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live"]
    found = await taken(trip)
    assert set(found) == set(map(str, live))
    assert DocState.FAILED not in found.values()
    assert (await tenant.get(f"/connections/{tenant.connection_id}/failures"))["items"] == []
    async with trip.runtime.services.database.open("acme") as uow:
        for file in (file for number in live for file in sandbox.account.attachments(number)):
            kept = await uow.attachments.get(f"freshdesk-{file.id}")
            assert kept is not None
            assert kept.sha256 == hashlib.sha256(sandbox.account.file(file)).hexdigest(), file.name


@pytest.mark.parametrize(
    "kind", ["429", "429_no_retry_after", "500", "502_html", "timeout", "reset", "truncated_json", "malformed", "html_200", "expired_url"]
)
async def test_a_fault_in_passing_costs_nothing(trip: Trip, acme: Tenant, sandbox: SandboxServer, kind: Kind) -> None:
    for match in (LIST, VIEW, r"/solutions/folders/\d+/articles", r"/ticket_fields|/agents\?"):
        order(sandbox, match, kind)
    run = await acme.sync()
    assert (run["state"], run["error_code"], run["counts"]["failed"]) == ("completed", None, 0), run
    assert [told["hits"] for told in sandbox.site.faults.report()] == [1, 1, 1, 1]
    await assert_nothing_is_missing(trip, acme, sandbox)


async def test_tickets_are_taken_without_files_that_fail_and_get_them_later(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    live = [ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live"]
    files = [file for number in live for file in sandbox.account.attachments(number)]
    kinds: tuple[Kind, ...] = ("429", "500", "502_html", "timeout", "reset", "malformed", "html_200", "401", "403", "expired_url")
    refusals = ("401", "403", "expired_url")
    assert len(files) >= len(kinds)
    for file, kind in zip(files, kinds, strict=False):
        # A refused address is asked for anew once; who refuses the new one as well has no such file any more.
        order(sandbox, f"/attachments/production/{file.id}/", kind, 1 if kind in refusals else None)
    run = await acme.sync()
    assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
    assert set(await taken(trip)) == set(map(str, live))
    failures = (await acme.get(f"/connections/{acme.connection_id}/failures"))["items"]
    assert failures
    assert all(failure["message"].startswith("Attachment ") for failure in failures)
    sandbox.site.faults.clear()
    run = await acme.sync()
    assert run["state"] == "completed", run
    await assert_nothing_is_missing(trip, acme, sandbox)


async def test_a_quota_that_is_used_up_pauses_the_run_which_goes_on_by_itself(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    order(sandbox, VIEW, "429", 5, after=3)
    run = await acme.sync()
    assert (run["state"], run["error_code"]) == ("completed", None), run
    await assert_nothing_is_missing(trip, acme, sandbox)


async def test_an_outage_makes_the_run_wait_and_say_why(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    order(sandbox, VIEW, "500", None, after=5)
    run = await acme.sync(until=("waiting", "completed", "failed"))
    assert (run["state"], run["error_code"]) == ("waiting", "source_unavailable"), run
    assert run["resume_at"]
    assert "tried again later" in run["error_message"]
    assert (await acme.client.post("/api/v1/ingest", json={"connection_id": acme.connection_id})).json()["error"]["code"] == "run_active"
    sandbox.site.faults.clear()
    run = await acme.wait(run["run_id"])
    assert (run["state"], run["error_code"]) == ("completed", None), run
    await assert_nothing_is_missing(trip, acme, sandbox)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("401", ("source_credentials_rejected", "Copy it again")), ("404_unknown_domain", ("source_host_unknown", "Check the domain"))],
)
async def test_a_helpdesk_that_locks_us_out_breaks_the_connection_until_an_admin_mends_it(
    trip: Trip, acme: Tenant, sandbox: SandboxServer, kind: Kind, told: tuple[str, str]
) -> None:
    code, says = told
    order(sandbox, "/api/v2/", kind, None, after=12)
    run = await acme.sync()
    assert (run["state"], run["error_code"]) == ("failed", code), run
    assert says in run["error_message"]
    place = f"/api/v1/connections/{acme.connection_id}"
    connection = (await acme.client.get(place)).json()
    assert connection["state"] == "broken"
    assert says in connection["state_reason"]
    refused = await acme.client.post("/api/v1/ingest", json={"connection_id": acme.connection_id})
    assert refused.status_code == 409
    assert says in refused.json()["error"]["message"]
    still = await acme.client.patch(place, json={"state": "active"})
    assert still.json()["error"]["code"] == code, "it is looked first whether it works again"
    sandbox.site.faults.clear()
    wrong = await acme.client.patch(place, json={"credentials": {"api_key": "wrong"}})
    assert wrong.json()["error"]["code"] == "source_credentials_rejected"
    assert (await acme.client.get(place)).json()["state"] == "broken"
    mended = await acme.client.patch(place, json={"credentials": {"api_key": sandbox.api_key}})
    assert (mended.status_code, mended.json()["state"], mended.json()["state_reason"]) == (200, "active", "")
    run = await acme.sync()
    assert run["state"] == "completed", run
    await assert_nothing_is_missing(trip, acme, sandbox)


async def test_bad_tickets_are_set_aside_listed_and_taken_once_they_are_well(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    kinds: tuple[Kind, ...] = ("malformed", "truncated_json", "html_200", "403")
    bad = [str(ticket.id) for ticket in sandbox.account.tickets.values() if ticket.state == "live"][: len(kinds)]
    for number, kind in zip(bad, kinds, strict=True):
        order(sandbox, rf"/tickets/{number}\?", kind, None)
    for attempts in (1, 2):
        run = await acme.sync()
        assert (run["state"], run["counts"]["failed"]) == ("completed", 4), run
        failures = {each["original_id"]: each for each in (await acme.get(f"/connections/{acme.connection_id}/failures"))["items"]}
        codes = ["source_malformed"] * 3 + ["source_permission_missing"]
        assert [failures[number]["code"] for number in bad] == codes
        assert all(failure["attempts"] == attempts and failure["message"] for failure in failures.values())
    assert not set(bad) & set(await taken(trip))
    path = f"/connections/{acme.connection_id}/failures"
    assert "{" in ((await acme.get(f"{path}/ticket/{bad[0]}"))["payload"] or ""), "what came is kept"
    # Tried again on demand, one of them and then all: nothing else is read.
    begun = await acme.post(f"{path}/retry", {"items": [{"doc_type": "ticket", "original_id": bad[0]}]})
    run = await acme.wait(begun["run_id"])
    assert (run["state"], run["counts"]["listed"], run["counts"]["failed"]) == ("completed", 1, 1), run
    sandbox.site.faults.clear()
    run = await acme.wait((await acme.post(f"{path}/retry", {}))["run_id"])
    assert (run["state"], run["counts"]["listed"], run["counts"]["stored"]) == ("completed", 4, 4), run
    assert (await acme.get(path))["total"] == 0
    await assert_nothing_is_missing(trip, acme, sandbox)


@pytest.mark.parametrize(("kind", "code"), [("malformed", "source_malformed"), ("403", "source_permission_missing")])
async def test_a_list_that_can_not_be_read_fails_the_run_and_the_next_one_completes(
    trip: Trip, acme: Tenant, sandbox: SandboxServer, kind: Kind, code: str
) -> None:
    order(sandbox, LIST, kind, None)
    run = await acme.sync()
    assert (run["state"], run["error_code"]) == ("failed", code), run
    assert run["error_message"]
    assert (await acme.get(f"/connections/{acme.connection_id}"))["state"] == "active"
    sandbox.site.faults.clear()
    assert (await acme.sync())["state"] == "completed"
    await assert_nothing_is_missing(trip, acme, sandbox)


async def test_a_run_fails_when_most_tickets_do_and_tells_where_they_are_listed(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    order(sandbox, VIEW, "403", None)
    run = await acme.sync()
    assert (run["state"], run["error_code"]) == ("failed", "run_failed_items"), run
    assert f"desklore failures list {acme.connection_id}" in run["error_message"]
    assert (await acme.get(f"/connections/{acme.connection_id}/failures"))["items"]
    sandbox.site.faults.clear()
    assert (await acme.sync())["state"] == "completed"
    await assert_nothing_is_missing(trip, acme, sandbox)


async def test_what_was_quarantined_before_fails_no_run_that_finds_nothing_new(tmp_path: Path, sandbox: SandboxServer) -> None:
    """Ten tickets that nobody can read would otherwise fail every sync of a quiet day."""
    bad = [str(ticket.id) for ticket in sandbox.account.tickets.values() if ticket.state == "live"][:LEAST_FAILURES]
    for number in bad:
        order(sandbox, rf"/tickets/{number}\?", "malformed", None)
    async with running_trip(tmp_path / "data", connector_attempts=2, failed_share=0.5) as trip:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        for again in (0, LEAST_FAILURES, LEAST_FAILURES):
            run = await acme.sync()
            assert (run["state"], run["counts"]["failed"], run["counts"]["failed_again"]) == ("completed", LEAST_FAILURES, again), run


@pytest.mark.parametrize("lists", ["/agents?", "/groups", "/products", "/ticket_fields", "/companies"])
async def test_names_that_may_not_be_read_are_told_and_come_with_a_refresh(
    trip: Trip, acme: Tenant, sandbox: SandboxServer, lists: str
) -> None:
    other = await trip.onboard("globex")
    await other.connect(sandbox)
    await other.sync()
    order(sandbox, lists.replace("?", r"\?"), "403", None)
    run = await acme.sync()
    assert (run["state"], run["error_code"], run["unreadable"]) == ("completed", None, [lists.strip("/?")]), run
    assert f"desklore sync {acme.connection_id} --refresh" in run["error_message"]
    sandbox.site.faults.clear()
    assert await hashes(trip, "acme") != await hashes(trip, "globex")
    run = await acme.sync(mode="refresh")
    assert (run["state"], run["unreadable"], run["error_message"]) == ("completed", [], ""), run
    assert await hashes(trip, "acme") == await hashes(trip, "globex")
    assert (await acme.sync(mode="refresh"))["counts"]["stored"] == 0


async def test_a_key_without_the_right_to_articles_still_brings_the_tickets(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    before = await hashes(trip, "acme")
    order(sandbox, "/solutions/folders/", "403", None, after=10)
    run = await acme.sync(mode="full")
    assert (run["state"], run["counts"]["deleted"]) == ("completed", 0), run
    assert "articles" in run["unreadable"]
    assert await hashes(trip, "acme") == before


async def hashes(trip: Trip, company_id: str) -> dict[str, str]:
    """What each Document's content comes to."""
    async with trip.runtime.services.database.open(company_id) as uow:
        documents, _ = await uow.documents.list(limit=1000)
    return {f"{document.doc_type} {document.original_id}": document.content_hash for document in documents}
