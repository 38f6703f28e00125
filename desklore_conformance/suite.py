"""The suite of good days: that a Source finds everything once and whole. Subclass SourceSuite, and give it a `helpdesk` fixture."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from backend.core.errors import SPECS, AppError, Code
from backend.core.model.article import Article
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, RunMode, RunOptions, Stream
from backend.core.model.ticket import Attachment, ConversationKind, Presence, Ticket
from backend.core.ports.source import Remakes, Source
from desklore_conformance.truth import Helpdesk, end_of, files_of, ids, pages, read, refs_of

GONE = frozenset({Presence.DELETED, Presence.SPAM, Presence.PURGED})


class SourceSuite:
    """What every Source has to do. What it does not declare among its capabilities is skipped."""

    tells_quota = True
    """Set it False for a vendor whose answers tell of no quota."""
    has_credentials = True
    """Set it False where there are none that could be wrong and no calls that are counted: this machine's own files."""

    @pytest.fixture
    async def source(self, helpdesk: Helpdesk) -> AsyncIterator[Source]:
        """A Source with a good credential."""
        source = helpdesk.open()
        yield source
        await source.close()

    async def test_a_good_credential_is_reported_with_its_abilities(self, source: Source) -> None:
        report = await source.verify()
        assert report.agent_email or not self.has_credentials
        wanted = {"tickets", "conversations"} | ({"articles"} & set(source.capabilities.streams))
        assert wanted <= {ability.name for ability in report.abilities if ability.ok}

    async def test_a_wrong_credential_is_named_and_changes_nothing_for_others(self, helpdesk: Helpdesk, source: Source) -> None:
        if not self.has_credentials:
            pytest.skip("there are no credentials")
        wrong = helpdesk.open(wrong_key=True)
        with pytest.raises(AppError) as caught:
            await wrong.verify()
        assert caught.value.code is Code.SOURCE_CREDENTIALS_REJECTED
        assert len(caught.value.message) > len(SPECS[Code.SOURCE_CREDENTIALS_REJECTED].meaning)
        with pytest.raises(AppError):
            await wrong.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
        await wrong.close()
        # Nothing is shared: neither a session nor what was learned of names, quota and waits.
        await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
        assert source.quota.calls == 1
        assert wrong.quota.calls == 2

    async def test_every_ticket_is_named_once_and_in_pages(self, helpdesk: Helpdesk, source: Source) -> None:
        listings = [listing async for listing in pages(source, Cursor(stream=Stream.TICKETS))]
        named = [ref.original_id for listing in listings for ref in listing.refs]
        assert sorted(named) == sorted(helpdesk.tickets())
        assert len(listings) >= 3
        assert [listing.last for listing in listings] == [False] * (len(listings) - 1) + [True]
        assert all(ref.doc_type is DocType.TICKET and ref.version for listing in listings for ref in listing.refs)

    async def test_a_run_goes_on_from_every_page_without_loss_or_doubles(self, helpdesk: Helpdesk, source: Source) -> None:
        before: list[str] = []
        async for listing in pages(source, Cursor(stream=Stream.TICKETS)):
            before += ids(listing.refs)
            if listing.last:
                break
            another = helpdesk.open()
            rest = [ref.original_id async for page in pages(another, listing.next) for ref in page.refs]
            await another.close()
            assert sorted(before + rest) == sorted(helpdesk.tickets())

    async def test_a_second_run_names_nothing_new(self, source: Source) -> None:
        first = {ref.original_id: ref.version for ref in await refs_of(source, Stream.TICKETS)}
        rest = await end_of(source, Cursor(stream=Stream.TICKETS))
        again = [ref async for page in pages(source, rest) for ref in page.refs]
        # What lies within the margin for the vendor's lag comes again, in the same version.
        assert all(first[ref.original_id] == ref.version for ref in again)
        assert len(again) < len(first) / 4
        assert await end_of(source, rest) == rest

    async def test_a_change_is_named_with_a_new_version(self, helpdesk: Helpdesk, source: Source) -> None:
        before = {ref.original_id: ref for ref in await refs_of(source, Stream.TICKETS)}
        rest = await end_of(source, Cursor(stream=Stream.TICKETS))
        changed = sorted(before)[0]
        await helpdesk.change_ticket(changed)
        after = {ref.original_id: ref async for page in pages(source, rest) for ref in page.refs}
        assert after[changed].version != before[changed].version

    async def test_a_full_run_names_everything_again(self, helpdesk: Helpdesk, source: Source) -> None:
        rest = await end_of(source, Cursor(stream=Stream.TICKETS))
        options = RunOptions(mode=RunMode.FULL)
        named = [ref.original_id async for page in pages(source, rest, options) for ref in page.refs]
        assert sorted(named) == sorted(helpdesk.tickets())

    async def test_since_until_and_limit(self, helpdesk: Helpdesk, source: Source) -> None:
        versions = sorted((ref.version, ref.original_id) for ref in await refs_of(source, Stream.TICKETS))
        fetched = [await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=versions[n][1], version="")) for n in (50, 150)]
        since, until = (item.item.updated_at for item in fetched)
        within = await refs_of(source, Stream.TICKETS, RunOptions(since=since, until=until))
        assert set(ids(within)) == {key for version, key in versions if versions[50][0] <= version < versions[150][0]}
        limit = RunOptions(limit=7)
        some = [listing async for listing in pages(source, Cursor(stream=Stream.TICKETS), limit)]
        assert sum(len(listing.refs) for listing in some) == 7
        rest = [ref.original_id async for page in pages(source, some[-1].next) for ref in page.refs]
        assert sorted(ids(some[-1].refs) + rest) == sorted(helpdesk.tickets())

    async def test_every_ticket_can_be_fetched_whole(self, helpdesk: Helpdesk, source: Source) -> None:
        truth = helpdesk.tickets()
        refs = await refs_of(source, Stream.TICKETS)
        for ref, fetched in zip(refs, await asyncio.gather(*map(source.fetch, refs)), strict=True):
            ticket = fetched.item
            assert isinstance(ticket, Ticket)
            first, *turns = ticket.conversations
            assert first.kind is ConversationKind.DESCRIPTION
            assert [turn.original_id for turn in turns] == [turn.original_id for turn in truth[ref.original_id].turns]
            assert [turn.private for turn in turns] == [turn.private for turn in truth[ref.original_id].turns]
            assert [turn.at for turn in ticket.conversations] == sorted(turn.at for turn in ticket.conversations)
            assert {file.original_id for file in files_of(ticket)} == truth[ref.original_id].files
            assert all(file.internal for turn in turns if turn.private for file in turn.attachments)
            assert all(moment.tzinfo is UTC for moment in (ticket.created_at, ticket.updated_at, first.at))
            assert isinstance(json.loads(fetched.raw), dict)
            assert b"\n" not in fetched.raw

    async def test_a_ticket_that_was_never_listed(self, source: Source) -> None:
        listed, *_ = await refs_of(source, Stream.TICKETS)
        known = await source.fetch(listed)
        bare = await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=listed.original_id, version=""))
        assert isinstance(known.item, Ticket)
        assert isinstance(bare.item, Ticket)
        strip = {"conversations": (), "attachments": ()}
        assert msgspec.structs.replace(bare.item, **strip) == msgspec.structs.replace(known.item, **strip)

    async def test_an_archived_ticket_is_still_there(self, helpdesk: Helpdesk, source: Source) -> None:
        archived = helpdesk.archived()
        if archived is None:
            pytest.skip("the platform does not archive")
        fetched = await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=archived, version=""))
        assert fetched.item.presence is Presence.ARCHIVED

    @pytest.mark.parametrize("unknown", ["999999999", "1/../2", "없음", "1?include=x"])
    async def test_an_unknown_item_is_not_found(self, source: Source, unknown: str) -> None:
        for doc_type in (DocType.TICKET, DocType.ARTICLE):
            with pytest.raises(AppError) as caught:
                await source.fetch(ItemRef(doc_type=doc_type, original_id=unknown, version=""))
            assert caught.value.code is Code.SOURCE_ITEM_NOT_FOUND

    async def test_the_bytes_of_attachments(self, helpdesk: Helpdesk, source: Source) -> None:
        compared = 0
        for key, truth in helpdesk.tickets().items():
            if not truth.files or compared > 12:
                continue
            ref = ItemRef(doc_type=DocType.TICKET, original_id=key, version="")
            ticket = (await source.fetch(ref)).item
            assert isinstance(ticket, Ticket)
            for file in files_of(ticket):
                assert await read(source, file, ref) == helpdesk.file(file.original_id)
                compared += 1
        assert compared

    async def test_an_attachment_without_its_url_is_looked_up(self, helpdesk: Helpdesk, source: Source) -> None:
        key, truth = next((key, truth) for key, truth in helpdesk.tickets().items() if truth.files)
        file_id = min(truth.files)
        bare = Attachment(original_id=file_id, name="x", content_type="x", size=0)
        ref = ItemRef(doc_type=DocType.TICKET, original_id=key, version="")
        assert await read(source, bare, ref) == helpdesk.file(file_id)
        with pytest.raises(AppError) as caught:
            await read(source, msgspec.structs.replace(bare, original_id="999999999"), ref)
        assert caught.value.code is Code.SOURCE_ITEM_NOT_FOUND

    async def test_what_is_gone_is_named(self, helpdesk: Helpdesk, source: Source) -> None:
        _needs(source, Stream.DELETIONS)
        refs = await refs_of(source, Stream.DELETIONS)
        assert set(ids(refs)) == helpdesk.gone()
        assert all(ref.presence in GONE and ref.doc_type is DocType.TICKET for ref in refs)
        rest = await end_of(source, Cursor(stream=Stream.DELETIONS))
        victim = sorted(helpdesk.tickets())[0]
        await helpdesk.delete_ticket(victim)
        after = [ref async for page in pages(source, rest) for ref in page.refs]
        assert victim in ids(after)
        with pytest.raises(AppError) as caught:
            await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=victim, version=""))
        assert caught.value.code is Code.SOURCE_ITEM_NOT_FOUND

    async def test_what_was_restored_is_named_as_a_ticket_again(self, helpdesk: Helpdesk, source: Source) -> None:
        victim = sorted(helpdesk.tickets())[0]
        rest = await end_of(source, Cursor(stream=Stream.TICKETS))
        await helpdesk.delete_ticket(victim)
        await helpdesk.restore_ticket(victim)
        after = [ref async for page in pages(source, rest) for ref in page.refs]
        assert victim in ids(after)

    async def test_articles(self, helpdesk: Helpdesk, source: Source) -> None:
        _needs(source, Stream.ARTICLES)
        refs = await refs_of(source, Stream.ARTICLES)
        assert sorted(ids(refs)) == sorted(helpdesk.articles())
        for ref in refs:
            fetched = await source.fetch(ref)
            bare = await source.fetch(msgspec.structs.replace(ref, version="", hint={}))
            assert isinstance(fetched.item, Article)
            assert fetched.item.translations
            assert fetched.item == msgspec.structs.replace(bare.item, attachments=fetched.item.attachments)
            assert (ref.original_id in helpdesk.internal_articles()) == (fetched.item.visibility.value == "internal")
            assert isinstance(json.loads(fetched.raw), dict)
        again = {ref.original_id: ref.version for ref in await refs_of(source, Stream.ARTICLES)}
        assert again == {ref.original_id: ref.version for ref in refs}

    async def test_what_is_archived_makes_the_same_again_without_a_call(self, helpdesk: Helpdesk, source: Source) -> None:
        if not isinstance(source, Remakes):
            pytest.skip("the Source makes nothing again")
        fetched: list[tuple[ItemRef, Fetched]] = []
        for stream in {Stream.TICKETS, Stream.ARTICLES} & source.capabilities.streams:
            refs = (await refs_of(source, stream))[:60]
            bare = [msgspec.structs.replace(ref, version="", hint={}) for ref in refs[:10]]
            fetched += zip((*refs, *bare), await asyncio.gather(*map(source.fetch, (*refs, *bare))), strict=True)
        if (archived := helpdesk.archived()) is not None:
            ref = ItemRef(doc_type=DocType.TICKET, original_id=archived, version="")
            fetched.append((ref, await source.fetch(ref)))
        later = helpdesk.open()
        assert isinstance(later, Remakes)
        if source.names is not None:
            assert source.names is source.names
            later.recall(source.names)
        for ref, one in fetched:
            assert await later.remake(msgspec.structs.replace(ref, hint={}), one.raw) == one
        assert later.quota.calls == 0
        await later.close()

    async def test_hints_are_json(self, source: Source) -> None:
        for stream in source.capabilities.streams:
            for ref in await refs_of(source, stream):
                assert json.loads(json.dumps(ref.hint)) == ref.hint

    async def test_calls_are_counted(self, source: Source) -> None:
        if not self.has_credentials:
            pytest.skip("nobody counts calls")
        assert source.quota.calls == 0
        await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
        assert source.quota.calls == 1
        if self.tells_quota:
            assert source.quota.remaining is not None
            assert source.quota.limit is not None

    async def test_nothing_in_the_future(self, source: Source) -> None:
        options = RunOptions(since=datetime.now(UTC) + timedelta(days=1))
        assert await refs_of(source, Stream.TICKETS, options) == []


def _needs(source: Source, stream: Stream) -> None:
    if stream not in source.capabilities.streams:
        pytest.skip(f"the Source declares no {stream.value}")
