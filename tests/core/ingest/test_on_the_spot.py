"""Documents that become points in one trip are the same as those that go step by step."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from backend.adapters.offline.chat import OfflineChat
from backend.adapters.wrapped import WrappedChat
from backend.core.errors import Code
from backend.core.ingest.pipeline.on_the_spot import Maker, make_all, maker_of
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.document import Chunk, DocState, Document
from backend.core.ports.services import Services
from tests.api.house import House, article_id, make_template, open_copy, ticket_id

EVERY = [ticket_id("acme"), article_id("acme", "7"), article_id("acme", "8")]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    template = await make_template(tmp_path / "template")
    async with open_copy(tmp_path / "house", template) as made:
        yield made


class Asked(WrappedChat):
    """A model that has to be asked: it hides that the one behind it could be taken along."""

    async def complete(self, prompt: Prompt) -> Completion:
        return await self._chat.complete(prompt)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        async for delta in self._chat.stream(prompt):
            yield delta


def asking(services: Services) -> Services:
    chat = Asked(OfflineChat(services.encoder.tokenizer))
    return replace(services, models=replace(services.models, summarize=chat))


async def processed(services: Services) -> tuple[list[Document], list[Chunk], int]:
    """All Documents made anew: how they are stored and found, and the calls that were booked for it."""
    async with services.database.open("acme", write=True) as uow:
        before = sum(row.usage.calls for row in await uow.usage.list(date.min, date.max))
        await uow.documents.reindex(EVERY, summarize=True)
    assert await process_pending(services, "acme") is None
    index = await services.indexes.open("acme")
    async with services.database.open("acme") as uow:
        found = await uow.documents.get_many(EVERY)
        calls = sum(row.usage.calls for row in await uow.usage.list(date.min, date.max)) - before
    documents = [structs.replace(found[each], indexed_at=None) for each in EVERY]
    return documents, [chunk for each in EVERY for chunk in await index.chunks(each)], calls


async def test_one_trip_and_single_steps_end_the_same(house: House) -> None:
    assert await maker_of(house.services, "acme") is not None
    assert await maker_of(asking(house.services), "acme") is None
    at_once = await processed(house.services)
    assert at_once == await processed(asking(house.services))
    documents, chunks, calls = at_once
    assert [each.state for each in documents] == [DocState.INDEXED] * 3
    assert documents[0].summary is not None
    assert documents[0].internal_summary is not None
    assert "비밀메모" not in repr(documents[0].summary)
    assert {chunk.document_id for chunk in chunks} == set(EVERY)
    assert calls == 2, "one for the public and one for the internal summary"


async def test_what_is_summarized_already_is_not_summarized_again(house: House) -> None:
    async with house.services.database.open("acme", write=True) as uow:
        before = (await uow.documents.get_many(EVERY))[EVERY[0]]
        await uow.documents.reindex(EVERY)
    assert await process_pending(house.services, "acme") is None
    async with house.services.database.open("acme") as uow:
        after = (await uow.documents.get_many(EVERY))[EVERY[0]]
        assert not await uow.usage.list(date.min, date.max)
    assert (after.summary, after.internal_summary) == (before.summary, before.internal_summary)


def gibberish(_title: str, _parts: object) -> str:
    return "no summary"


async def test_a_summary_that_is_none_fails_its_document_alone(house: House) -> None:
    maker = Maker(write=gibberish, made_by="offline:gibberish", encoder=house.services.encoder)
    async with house.services.database.open("acme", write=True) as uow:
        await uow.documents.reindex(EVERY, summarize=True)
        found = await uow.documents.get_many(EVERY)
    ticket, article, _ = await make_all(house.services, maker, [found[each] for each in EVERY], {})
    assert getattr(ticket, "code", None) is Code.SUMMARY_INVALID
    assert "offline:gibberish" in str(ticket)
    assert getattr(article, "points", None), "an article needs no summary"


@pytest.mark.parametrize("weight", [0.5, 1.0])
async def test_vectors_are_asked_for_step_by_step(house: House, weight: float) -> None:
    services = replace(house.services, policy=replace(house.services.policy, dense_weight=weight))
    assert await maker_of(services, "acme") is None


async def test_the_words_a_point_is_found_by_do_not_travel(house: House) -> None:
    maker = await maker_of(house.services, "acme")
    assert maker is not None
    async with house.services.database.open("acme") as uow:
        document = (await uow.documents.get_many(EVERY))[EVERY[1]]
    [made] = await make_all(house.services, maker, [document], {EVERY[1]: ["돈은 언제 돌려받나요?"]})
    assert all(point.chunk.lexical == "" for point in getattr(made, "points", ()))


async def test_a_batch_is_done_however_short_the_turn_is_and_the_rest_in_the_next(house: House) -> None:
    services = house.services
    async with services.database.open("acme", write=True) as uow:
        await uow.documents.reindex(EVERY, summarize=True)
    assert await process_pending(services, "acme", seconds=0.0) == 0.0
    async with services.database.open("acme") as uow:
        found = await uow.documents.get_many(EVERY)
    assert {document.state for document in found.values()} == {DocState.INDEXED}
    assert await process_pending(services, "acme", seconds=0.0) is None
