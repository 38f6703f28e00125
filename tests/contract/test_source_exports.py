"""Account exports through the conformance suite, as far as it is about what stands still: the API's truth, out of a file."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from msgspec import structs

from backend.adapters.exports.source import ArchiveSource
from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.errors import AppError, Code
from backend.core.ingest.changes import content_hash_of
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Ticket
from backend.core.ports.source import ExportRequest, ExportSource, KnowsNames, Remakes, Source
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from desklore_conformance import SourceSuite
from desklore_conformance.truth import end_of, pages, refs_of
from sandbox.freshdesk.export import Form
from sandbox.freshdesk.export import write_export as write_freshdesk
from sandbox.serve import SandboxOptions, running_sandbox, running_zendesk
from sandbox.zendesk.account_export import write_export as write_zendesk
from tests.contract.test_source import SandboxHelpdesk
from tests.contract.test_source_zendesk import ZendeskHelpdesk

OF_LISTS = ("tickets", "solutions", "canned_responses", "users", "agents", "groups", "companies")
"""Everything but archived tickets, which no list of the API names."""


def open_export(platform: str, base_url: str, credentials: Mapping[str, str], path: Path) -> ExportSource:
    """An export beside a sandbox, as `bootstrap` would open it."""
    registry = SourceRegistry(frozenset({"127.0.0.1"}), 6, Patience(seconds=20), InProcessBudgets(6))
    settings = SourceSettings(
        company_id="hanbit",
        connection_id="conn_1",
        platform=platform,
        domain=f"hanbitcloud.{platform}.com",
        base_url=base_url,
        credentials={name: Secret(value) for name, value in credentials.items()},
    )
    return registry.open_export(settings, Lane.BACKFILL, ExportRequest(path=path, name=path.name))


class ExportedFreshdesk(SandboxHelpdesk):
    """The truth of a Freshdesk, opened by its export."""

    path: Path
    form: Form

    def open(self, *, wrong_key: bool = False) -> Source:
        if not self.path.exists():
            with self.path.open("wb") as out:
                write_freshdesk(self.sandbox.site, out, self.form, OF_LISTS)
        key = "no-such-key" if wrong_key else self.sandbox.api_key
        return open_export("freshdesk", self.sandbox.base_url, {"api_key": key}, self.path)

    def api(self) -> Source:
        """The same by its API."""
        return super().open()


class ExportedZendesk(ZendeskHelpdesk):
    """The truth of a Zendesk, opened by its export."""

    path: Path

    def open(self, *, wrong_key: bool = False) -> Source:
        if not self.path.exists():
            with self.path.open("wb") as out:
                write_zendesk(self.server.site, out)
        credentials = self.server.credentials | ({"api_token": "no-such-token"} if wrong_key else {})
        return open_export("zendesk", self.server.base_url, credentials, self.path)

    def api(self) -> Source:
        """The same by its API."""
        return super().open()


Exported = ExportedFreshdesk | ExportedZendesk


class ExportSuite:
    """What every export has to do."""

    test_a_good_credential = SourceSuite.test_a_good_credential_is_reported_with_its_abilities
    test_every_ticket_is_named_once_and_in_pages = SourceSuite.test_every_ticket_is_named_once_and_in_pages
    test_a_run_goes_on_from_every_page = SourceSuite.test_a_run_goes_on_from_every_page_without_loss_or_doubles
    test_every_ticket_can_be_fetched_whole = SourceSuite.test_every_ticket_can_be_fetched_whole
    test_a_ticket_that_was_never_listed = SourceSuite.test_a_ticket_that_was_never_listed
    test_an_archived_ticket_is_still_there = SourceSuite.test_an_archived_ticket_is_still_there
    test_an_unknown_item_is_not_found = SourceSuite.test_an_unknown_item_is_not_found
    test_the_bytes_of_attachments = SourceSuite.test_the_bytes_of_attachments
    test_an_attachment_without_its_url = SourceSuite.test_an_attachment_without_its_url_is_looked_up
    test_hints_are_json = SourceSuite.test_hints_are_json

    @pytest.fixture
    async def source(self, helpdesk: Exported) -> AsyncIterator[Source]:
        """The export beside a good credential."""
        source = helpdesk.open()
        yield source
        await source.close()

    async def test_versions_and_contents_are_those_of_the_api(self, helpdesk: Exported, source: Source) -> None:
        api = helpdesk.api()
        theirs = {ref.original_id: ref for ref in await refs_of(api, Stream.TICKETS)}
        ours = await refs_of(source, Stream.TICKETS)
        assert {ref.original_id: ref.version for ref in ours} == {key: ref.version for key, ref in theirs.items()}
        differs = []
        for ref in ours[:60]:
            mine, other = await source.fetch(ref), await api.fetch(theirs[ref.original_id])
            if content_hash_of(mine.item) != content_hash_of(other.item):
                differs.append(ref.original_id)
        await api.close()
        assert [key for key in differs if key not in self.told_less(helpdesk)] == []

    def told_less(self, helpdesk: Exported) -> set[str]:
        """Tickets of which the export tells less than the API."""
        if isinstance(helpdesk, ExportedZendesk):
            return set()
        account = helpdesk.sandbox.account
        return {str(key) for key in account.tickets if any(turn.auto_response for turn in account.turns(key))}

    async def test_what_is_archived_makes_the_same_again(self, helpdesk: Exported, source: Source) -> None:
        streams = {Stream.TICKETS, Stream.ARTICLES} & source.capabilities.streams
        made = [(ref, await source.fetch(ref)) for stream in streams for ref in (await refs_of(source, stream))[:80]]
        api = helpdesk.api()
        assert isinstance(api, Remakes) and isinstance(source, KnowsNames)  # noqa: PT018 - one thing: that there is something to compare
        api.recall(source.names or b"")
        for ref, fetched in made:
            assert await api.remake(structs.replace(ref, hint={}), fetched.raw) == fetched
        assert api.quota.calls == 0
        await api.close()

    async def test_it_names_nothing_as_gone_and_claims_nothing_to_be_complete(self, source: Source) -> None:
        assert Stream.DELETIONS not in source.capabilities.streams
        assert source.capabilities.complete == frozenset()

    async def test_the_end_is_the_end(self, source: Source) -> None:
        rest = await end_of(source, Cursor(stream=Stream.TICKETS))
        assert [ref async for page in pages(source, rest) for ref in page.refs] == []
        assert await end_of(source, rest) == rest

    async def test_it_is_read_without_a_helpdesk(self, helpdesk: Exported) -> None:
        source = helpdesk.open(wrong_key=True)
        refs = await refs_of(source, Stream.TICKETS)
        assert sorted(ref.original_id for ref in refs) == sorted(helpdesk.tickets())
        for ref in refs[:10]:
            assert (await source.fetch(ref)).item.original_id == ref.original_id
        await source.close()

    async def test_what_it_proves_to_hold_moves_the_place_on_and_never_back(self, source: Source) -> None:
        assert isinstance(source, ArchiveSource)
        read = await end_of(source, Cursor(stream=Stream.TICKETS))
        first = await source.continuation(Stream.TICKETS, read, None)
        assert first is not None
        assert await source.continuation(Stream.TICKETS, read, first.cursor) is None
        seen = {**read.position["seen"], "first": read.position["seen"]["last"]}
        part = Cursor(stream=Stream.TICKETS, position={**read.position, "seen": seen})
        assert await source.continuation(Stream.TICKETS, part, None) is None
        lost = Cursor(stream=Stream.TICKETS, position={**read.position, "seen": {**read.position["seen"], "lost": 1}})
        assert await source.continuation(Stream.TICKETS, lost, None) is None


class TestFreshdeskExport(ExportSuite):
    """JSON of Freshdesk."""

    form = Form.JSON

    @pytest.fixture
    async def helpdesk(self, tmp_path: Path) -> AsyncIterator[ExportedFreshdesk]:
        async with running_sandbox(SandboxOptions(tickets=230)) as sandbox:
            made = ExportedFreshdesk(sandbox)
            made.path, made.form = tmp_path / "export.zip", self.form
            yield made

    async def test_articles_in_their_first_language(self, helpdesk: ExportedFreshdesk, source: Source) -> None:
        refs = await refs_of(source, Stream.ARTICLES)
        assert {ref.original_id for ref in refs} == helpdesk.articles()
        for ref in refs:
            fetched = await source.fetch(ref)
            assert fetched.item.original_id == ref.original_id
            assert isinstance(json.loads(fetched.raw), dict)


class TestFreshdeskXml:
    """XML of Freshdesk: the same records, so only whether they are."""

    form = Form.XML
    helpdesk = TestFreshdeskExport.helpdesk
    source = ExportSuite.source
    told_less = ExportSuite.told_less
    test_every_ticket_is_named_once_and_in_pages = SourceSuite.test_every_ticket_is_named_once_and_in_pages
    test_versions_and_contents_are_those_of_the_api = ExportSuite.test_versions_and_contents_are_those_of_the_api
    test_articles_in_their_first_language = TestFreshdeskExport.test_articles_in_their_first_language


class TestZendeskExport(ExportSuite):
    """JSON lines of Zendesk."""

    @pytest.fixture
    async def helpdesk(self, tmp_path: Path) -> AsyncIterator[ExportedZendesk]:
        async with running_zendesk(SandboxOptions(tickets=230, export_quota=10_000)) as server:
            made = ExportedZendesk(server)
            made.path = tmp_path / "export.zip"
            yield made


class TestZendeskXml:
    """XML of Zendesk: what it tells is what the API tells, but for the ids of comments, HTML, files and a status of one's own."""

    source = ExportSuite.source
    test_every_ticket_is_named_once_and_in_pages = SourceSuite.test_every_ticket_is_named_once_and_in_pages

    @pytest.fixture
    async def helpdesk(self, tmp_path: Path) -> AsyncIterator[ExportedZendesk]:
        async with running_zendesk(SandboxOptions(tickets=120, export_quota=10_000)) as server:
            made = ExportedZendesk(server)
            made.path = tmp_path / "export.zip"
            with made.path.open("wb") as out:
                write_zendesk(server.site, out, "xml")
            yield made

    async def test_words_people_and_states_are_those_of_the_api(self, helpdesk: ExportedZendesk, source: Source) -> None:
        api = helpdesk.api()
        theirs = {ref.original_id: ref for ref in await refs_of(api, Stream.TICKETS)}
        refs = await refs_of(source, Stream.TICKETS)
        assert {ref.original_id for ref in refs} == set(theirs)
        pairs = [((await source.fetch(ref)).item, (await api.fetch(theirs[ref.original_id])).item) for ref in refs[:40]]
        await api.close()
        for mine, other in pairs:
            assert isinstance(mine, Ticket)
            assert isinstance(other, Ticket)
            assert _told(mine) == _told(other)


def _told(ticket: Ticket) -> tuple[object, ...]:
    turns = [(turn.role, turn.private, turn.author, turn.at) for turn in ticket.conversations]
    states = (ticket.subject, ticket.status, ticket.priority, ticket.tags)
    return (*states, ticket.requester, ticket.assignee, ticket.group, ticket.created_at, ticket.updated_at, turns)


def test_what_an_adapter_does_not_read_is_told() -> None:
    registry = SourceRegistry(frozenset(), 6, Patience(), InProcessBudgets(6))
    with pytest.raises(AppError) as caught:
        registry.check_export("freshdesk", ExportRequest(path=Path(__file__), name="test.py"))
    assert caught.value.code is Code.EXPORT_UNREADABLE
