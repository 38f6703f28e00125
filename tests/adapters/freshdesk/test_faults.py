"""Freshdesk when things go wrong, over real HTTP against the sandbox: named causes, nothing lost, no leak."""

import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.errors import AppError, Code
from backend.core.model.connection import SourceSettings
from backend.core.model.document import DocType
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, ItemRef, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Ticket
from backend.core.ports.source import Source
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from sandbox.faults import Fault, Kind
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox

TICKETS = 120


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """A small account."""
    async with running_sandbox(SandboxOptions(tickets=TICKETS)) as server:
        yield server


def settings_of(base_url: str, key: str = "sandbox-key") -> SourceSettings:
    """A connection to a sandbox."""
    credentials = {"api_key": Secret(key)}
    return SourceSettings(
        company_id="hanbit", connection_id="c", platform="freshdesk", domain="hanbitcloud", base_url=base_url, credentials=credentials
    )


def opened(base_url: str, key: str = "sandbox-key", *, allowed: str = "127.0.0.1", attempts: int = 3, seconds: float = 10) -> Source:
    """A Source on a sandbox."""
    registry = SourceRegistry(frozenset({allowed}), 6, Patience(seconds=seconds, attempts=attempts), InProcessBudgets(6))
    return registry.open(settings_of(base_url, key), Lane.INCREMENTAL)


def order(sandbox: SandboxServer, match: str, kind: Kind, times: int | None = 1, *, seconds: float = 0.2) -> None:
    """Let requests fail."""
    sandbox.site.faults.add(Fault(match=match, kind=kind, times=times, seconds=seconds))


async def names(source: Source, stream: Stream = Stream.TICKETS) -> list[ItemRef]:
    """All a stream names."""
    refs: list[ItemRef] = []
    cursor = Cursor(stream=stream)
    while True:
        listing = await source.list_changes(cursor, RunOptions())
        refs += listing.refs
        cursor = listing.next
        if listing.last:
            return refs


@pytest.mark.parametrize(
    ("kind", "code", "says"),
    [
        ("401", Code.SOURCE_CREDENTIALS_REJECTED, "API key"),
        ("403", Code.SOURCE_PERMISSION_MISSING, "permission"),
        ("404_unknown_domain", Code.SOURCE_HOST_UNKNOWN, "domain"),
        ("html_200", Code.SOURCE_MALFORMED, "web page"),
        ("malformed", Code.SOURCE_MALFORMED, "JSON"),
        ("truncated_json", Code.SOURCE_MALFORMED, "JSON"),
        ("500", Code.SOURCE_UNAVAILABLE, "500"),
        ("502_html", Code.SOURCE_UNAVAILABLE, "502"),
        ("reset", Code.SOURCE_UNAVAILABLE, "127.0.0.1"),
        ("timeout", Code.SOURCE_UNAVAILABLE, "did not answer"),
        ("429", Code.SOURCE_RATE_LIMITED, "quota"),
        ("429_no_retry_after", Code.SOURCE_RATE_LIMITED, "quota"),
    ],
)
async def test_verifying_names_the_cause_within_two_seconds(sandbox: SandboxServer, kind: Kind, code: Code, says: str) -> None:
    order(sandbox, "/agents/me", kind, None, seconds=30)
    source = opened(sandbox.base_url)
    started = time.monotonic()
    with pytest.raises(AppError) as caught:
        await source.verify()
    # The two seconds are a promise to the person who waits, kept by a deadline; the rest is this machine's slack.
    assert time.monotonic() - started < 4
    assert caught.value.code is code
    assert says in caught.value.message
    await source.close()


async def test_verifying_where_nobody_listens() -> None:
    source = opened("http://127.0.0.1:9")
    with pytest.raises(AppError) as caught:
        await source.verify()
    assert caught.value.code is Code.SOURCE_UNAVAILABLE
    await source.close()


async def test_verifying_tells_what_is_out_of_reach(sandbox: SandboxServer) -> None:
    order(sandbox, "/solutions/categories", "403", None)
    order(sandbox, "/contacts", "timeout", None, seconds=30)
    source = opened(sandbox.base_url, sandbox.restricted_key)
    report = await source.verify()
    missing = {ability.name: ability.message for ability in report.abilities if not ability.ok}
    # The sandbox's restricted agent may not list agents either.
    assert set(missing) == {"articles", "contacts", "agents"}
    assert all(missing.values())
    assert any("assigned to them" in warning for warning in report.warnings)
    await source.close()


@pytest.mark.parametrize("kind", ["429", "500", "502_html", "reset", "truncated_json", "malformed", "html_200"])
async def test_a_fault_in_passing_costs_nothing_but_a_call(sandbox: SandboxServer, kind: Kind) -> None:
    order(sandbox, r"/tickets\?", kind)
    order(sandbox, r"/tickets/\d+\?", kind)
    source = opened(sandbox.base_url)
    refs = await names(source)
    assert len(refs) == sum(ticket.state == "live" for ticket in sandbox.account.tickets.values())
    assert isinstance((await source.fetch(refs[0])).item, Ticket)
    await source.close()


async def test_one_bad_ticket_is_that_tickets_error(sandbox: SandboxServer) -> None:
    source = opened(sandbox.base_url, attempts=1)
    refs = await names(source)
    order(sandbox, rf"/tickets/{refs[0].original_id}\?", "malformed", None)
    with pytest.raises(AppError) as caught:
        await source.fetch(refs[0])
    assert caught.value.code is Code.SOURCE_MALFORMED
    assert caught.value.raw
    assert (await source.fetch(refs[1])).item.original_id == refs[1].original_id
    await source.close()


async def test_dead_urls_are_fetched_anew(sandbox: SandboxServer) -> None:
    ticket_id, file = next((key, files[0]) for key in sandbox.account.tickets if (files := sandbox.account.attachments(key)))
    order(sandbox, "/data/helpdesk/attachments", "expired_url")
    source = opened(sandbox.base_url)
    ref = ItemRef(doc_type=DocType.TICKET, original_id=str(ticket_id), version="")
    ticket = (await source.fetch(ref)).item
    assert isinstance(ticket, Ticket)
    found = next(
        a for a in (*ticket.attachments, *(a for t in ticket.conversations for a in t.attachments)) if a.original_id == str(file.id)
    )
    async with source.download(found, ref) as pieces:
        assert b"".join([piece async for piece in pieces]) == sandbox.account.file(file)
    await source.close()


async def test_the_file_store_has_to_be_allowed_too(sandbox: SandboxServer) -> None:
    ticket_id = next(key for key in sandbox.account.tickets if sandbox.account.attachments(key))
    source = opened(sandbox.base_url, allowed=urlsplit(sandbox.base_url).netloc)
    ref = ItemRef(doc_type=DocType.TICKET, original_id=str(ticket_id), version="")
    ticket = (await source.fetch(ref)).item
    assert isinstance(ticket, Ticket)
    file = next(a for a in (*ticket.attachments, *(a for t in ticket.conversations for a in t.attachments)))
    with pytest.raises(AppError) as caught:
        async with source.download(file, ref):
            pass
    assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
    assert "DESKLORE_CONNECTOR_HOST_ALLOWLIST" in caught.value.message
    await source.close()


async def test_a_ticket_costs_one_call_and_long_ones_their_pages(sandbox: SandboxServer) -> None:
    source = opened(sandbox.base_url)
    refs = await names(source)
    for ref in refs[:2]:
        await source.fetch(ref)
    lengths = {ref.original_id: len(sandbox.account.turns(int(ref.original_id))) for ref in refs}
    some = sorted(refs, key=lambda ref: lengths[ref.original_id])
    for ref in (*some[:5], *some[-5:]):
        before = source.quota.calls
        await source.fetch(ref)
        turns = lengths[ref.original_id]
        assert source.quota.calls - before == 1 + (turns // 100 + 1 if turns >= 10 else 0)
    await source.close()


async def test_more_than_a_hundred_conversations(sandbox: SandboxServer) -> None:
    for number in range(230):
        change.add_turn(sandbox.site, 5, {"body": f"<div>{number}번째 답변</div>", "incoming": number % 2 == 0})
    source = opened(sandbox.base_url)
    ticket = (await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id="5", version=""))).item
    assert isinstance(ticket, Ticket)
    bodies = [turn.html for turn in ticket.conversations[-230:]]
    assert bodies == [f"<div>{number}번째 답변</div>" for number in range(230)]
    await source.close()


async def test_a_small_page_cap_and_a_bulk_edit() -> None:
    async with running_sandbox(SandboxOptions(tickets=480, page_cap=3)) as sandbox:
        live = [ticket for ticket in sandbox.account.tickets.values() if ticket.state == "live"]
        for ticket in live[10:440]:
            change.touch(sandbox.site, ticket, sandbox.account.reference - 86_400)
        source = opened(sandbox.base_url)
        refs = await names(source)
        assert {ref.original_id for ref in refs} == {str(ticket.id) for ticket in live}
        await source.close()


async def test_a_missing_feature_leaves_the_rest(sandbox: SandboxServer) -> None:
    for path in (
        "/subfolders",
        "/canned_response_folders",
        "/settings/helpdesk",
        "/companies",
        "/agents",
        "/products",
        "/satisfaction_ratings",
    ):
        order(sandbox, path, "403", None)
    source = opened(sandbox.base_url)
    assert await names(source, Stream.ARTICLES)
    refs = await names(source)
    assert (await source.fetch(refs[0])).item.original_id == refs[0].original_id
    await source.close()


async def test_two_sources_of_one_credential_wait_together() -> None:
    async with running_sandbox(SandboxOptions(tickets=20)) as sandbox:
        registry = SourceRegistry(frozenset({"127.0.0.1"}), 2, Patience(seconds=10, attempts=1), InProcessBudgets(2))
        one, two = (registry.open(settings_of(sandbox.base_url), lane) for lane in (Lane.BACKFILL, Lane.LIVE))
        other = registry.open(settings_of(sandbox.base_url, sandbox.restricted_key), Lane.LIVE)
        order(sandbox, "/tickets", "429", 1, seconds=500)
        for source in (one, two):
            with pytest.raises(AppError) as caught:
                await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
            assert caught.value.code is Code.SOURCE_RATE_LIMITED
            assert caught.value.retry_after == pytest.approx(500, abs=5)
        assert (one.quota.calls, two.quota.calls) == (1, 0)
        await other.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
        for source in (one, two, other):
            await source.close()
