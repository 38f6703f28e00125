"""From the store into the index: summarize, embed, index, finish. Killed anywhere, it simply begins the batch again."""

import asyncio
import math
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code, Retry
from backend.core.ingest import embed, summarize
from backend.core.ingest.pipeline import solved
from backend.core.ingest.pipeline.on_the_spot import Maker, make_all, maker_of
from backend.core.ingest.pipeline.outcomes import PROVIDER_DOWN_SECONDS, failed, still_waiting, until_paid
from backend.core.ingest.pipeline.paid import PaidSummaries, embed_paid, is_paid, paid_summaries
from backend.core.ingest.pipeline.points import make_points, points_for_older, written_to
from backend.core.ingest.pipeline.progress import add_processed
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.document import Chunk, DocState, Document, Summary
from backend.core.model.search import Point
from backend.core.model.sync import RunState
from backend.core.ports.counted import count_lookups
from backend.core.ports.llm import ChatModel
from backend.core.ports.services import Services

BATCH = 64
"""Documents at a time: large enough that embeddings and the index work in batches, small enough to show progress."""


class Batch(Struct, kw_only=True):
    """What became of a claimed batch."""

    claimed: Sequence[Document]
    ready: list[Document] = []
    """Summarized, with points that are not yet in the index."""
    points: list[Point] = []
    older: list[Point] = []
    """Of changed Documents, for an index by other makers that is still searched."""
    with_text: set[str] = set()
    """The document_ids that have points."""
    done: list[Document] = []
    """With their new state, not yet written."""
    postponed: list[Document] = []
    """Back to pending: a provider is down, which is not the Document's fault."""
    down: AppError | None = None
    refused: AppError | None = None
    """The tenant's budget is used up: what needs a model waits, everything else goes on."""
    usage: list[UsageRow] = []
    llm_calls: int = 0
    embedded: int = 0


async def process_pending(services: Services, company_id: str, *, seconds: float = math.inf) -> float | None:
    """Process the tenant's pending Documents until none is left, or `seconds` have passed at the end of a batch.

    None: nothing is left. A number of seconds: a provider is down, or others shall have a turn; come back then. The queue runs
    one job of a tenant at a time, so what is still marked as processing was left by one that was killed.
    """
    async with services.database.open(company_id, write=True) as uow:
        await uow.documents.release()
    # One batch is indexed and written while the next is summarized and embedded.
    ending: asyncio.Task[AppError | None] | None = None
    of_ending: list[str] = []
    down: AppError | None = None
    began, left = time.monotonic(), True
    try:
        while down is None and (ending is None or time.monotonic() - began < seconds):
            async with services.database.open(company_id, write=True) as uow:
                # One of the batch that is ending may wait again, for something new: claimed now, its old result would count for it.
                claimed = await uow.documents.claim(BATCH, clock.now(), without=of_ending)
            batch = await _prepare(services, company_id, claimed) if claimed else None
            followed = ending is not None
            if ending is not None:
                down, ending, of_ending = await ending, None, []
            if batch is not None:
                ending = asyncio.create_task(_conclude(services, company_id, batch))
                of_ending = [document.document_id for document in batch.claimed]
                down = down or batch.down
            elif not followed:
                # The batch that has just ended may have left articles to be indexed anew.
                left = False
                break
        if ending is not None:
            down = await ending or down
    finally:
        if ending is not None and not ending.done():
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)
    if down is None:
        return 0.0 if left else None
    return down.retry_after or PROVIDER_DOWN_SECONDS


async def _prepare(services: Services, company_id: str, claimed: Sequence[Document]) -> Batch:
    """What takes a model or a processor; a batch that none of its Documents came through has them all postponed."""
    batch = Batch(claimed=claimed)
    try:
        await _make_points(services, company_id, batch)
    except AppError as error:
        _postpone(batch, error)
    return batch


async def _conclude(services: Services, company_id: str, batch: Batch) -> AppError | None:
    """Index a batch and write what became of it; returns why the next one has to wait."""
    try:
        if batch.ready:
            with services.meter.stage("index"):
                index = await written_to(services, company_id)
                await index.replace([document.document_id for document in batch.ready], batch.points)
                if batch.older:
                    older = {point.chunk.document_id for point in batch.older}
                    await (await services.indexes.open(company_id)).replace(older, batch.older)
    except AppError as error:
        _postpone(batch, error)
    now = clock.now()
    for document in batch.ready:
        found = document.document_id in batch.with_text
        reason = summarize.skip_reason(document) or ("" if found else "no_text")
        state = DocState.INDEXED if found else DocState.SKIPPED
        batch.done.append(
            msgspec.structs.replace(
                document, state=state, state_reason=reason, indexed_at=now, error_code=None, attempts=0, next_try_at=None
            )
        )
    await _finish(services, company_id, batch)
    return batch.down


def _postpone(batch: Batch, error: AppError) -> None:
    """Nothing of the batch counts: what it waits for is not its Documents' fault."""
    batch.done, batch.ready, batch.postponed, batch.down = [], [], list(batch.claimed), error


async def _make_points(services: Services, company_id: str, batch: Batch) -> None:
    maker = await maker_of(services, company_id)
    if maker is not None:
        await _make_on_the_spot(services, company_id, maker, batch)
        return
    with services.meter.stage("summarize"):
        ready = await _summarize(services, company_id, batch.claimed, batch)
    questions = await solved.questions_of(services, company_id, ready)
    chunks = [embed.chunk_document(document, questions.get(document.document_id, ())) for document in ready]
    vectors: list[list[float]] | None = None
    if services.policy.dense_weight > 0:
        with services.meter.stage("embed"):
            try:
                vectors = await _embed(services, company_id, [chunk for of_one in chunks for chunk in of_one], batch)
            except AppError:
                ready, chunks, vectors = await _embed_apart(services, company_id, ready, chunks, batch)
        if vectors is None:
            batch.postponed.extend(until_paid(d, batch.refused) if batch.refused else d for d in ready)
            return
    with services.meter.stage("index"):
        batch.points = await make_points(services, ready, chunks, vectors, services.encoder)
        batch.older = await points_for_older(services, company_id, ready, chunks)
    batch.ready = ready
    batch.with_text = {document.document_id for document, of_one in zip(ready, chunks, strict=True) if of_one}


async def _make_on_the_spot(services: Services, company_id: str, maker: Maker, batch: Batch) -> None:
    questions = await solved.questions_of(services, company_id, batch.claimed)
    with services.meter.stage("summarize"):
        made = await make_all(services, maker, batch.claimed, questions)
    chat = (await services.models_of(company_id)).summarize
    batch.ready = _sort_out(batch, chat, batch.claimed, [one if isinstance(one, AppError) else one.summarized for one in made])
    batch.points = [point for one in made if not isinstance(one, AppError) for point in one.points]
    batch.with_text = {point.chunk.document_id for point in batch.points}


async def _summarize(services: Services, company_id: str, documents: Sequence[Document], batch: Batch) -> list[Document]:
    """Documents with their summaries; those that failed go to `batch.done`, those that have to wait to `batch.postponed`."""
    chat = (await services.models_of(company_id)).summarize
    paid = paid_summaries(services, company_id, chat)
    known = {} if paid is None else await _cached_summaries(services, paid, chat, documents)
    # What is made on this machine is limited by its processors, not by a provider's patience.
    gate = asyncio.Semaphore(BATCH if paid is None else services.policy.llm_concurrency)

    async def one(document: Document) -> summarize.Summarized | AppError:
        async with gate:
            # The others must not wait for a provider that is known to be down.
            if batch.down is not None:
                return batch.down
            if document.summary is not None or document.internal_summary is not None:
                # Only the text of a file was added since: what people said to each other is summarized already.
                return summarize.Summarized(summary=document.summary, internal_summary=document.internal_summary)
            try:
                return await summarize.summarize(document, chat=chat, cached=known, paid=paid)
            except AppError as error:
                if error.retry in (Retry.SOURCE_DOWN, Retry.CREDENTIALS):
                    batch.down = error
                return error

    return _sort_out(batch, chat, documents, await asyncio.gather(*(one(document) for document in documents)))


def _sort_out(
    batch: Batch, chat: ChatModel, documents: Sequence[Document], results: Sequence[summarize.Summarized | AppError]
) -> list[Document]:
    """The Documents with their summaries, and the cost to the batch; those that failed or have to wait as `_summarize` says."""
    ready = []
    usage = Usage()
    for document, result in zip(documents, results, strict=True):
        if isinstance(result, AppError) and result.code is Code.LLM_BUDGET_USED_UP:
            batch.postponed.append(until_paid(document, result))
            continue
        if isinstance(result, AppError):
            waits = result.retry in (Retry.SOURCE_DOWN, Retry.CREDENTIALS)
            (batch.postponed if waits else batch.done).append(document if waits else failed(document, result))
            continue
        usage += result.usage
        ready.append(msgspec.structs.replace(document, summary=result.summary, internal_summary=result.internal_summary))
    batch.llm_calls = usage.calls
    if usage.calls and not is_paid(chat.provider):
        batch.usage.append(_row(chat.provider, chat.model, Purpose.SUMMARY, usage))
    return ready


async def _cached_summaries(services: Services, paid: PaidSummaries, chat: ChatModel, documents: Sequence[Document]) -> dict[str, Summary]:
    keys = [task.key for document in documents for task in summarize.plan(document, chat)]
    cached = await paid.get_many(keys)
    count_lookups(services.meter, "summary", len(keys), len(cached))
    return cached


async def _embed(services: Services, company_id: str, chunks: Sequence[Chunk], batch: Batch) -> list[list[float]] | None:
    """A vector a chunk; None where the embedder is down. Raises the AppError of one that rejects a text."""
    embedder = (await services.models_of(company_id)).embed
    try:
        result = await embed_paid(services, company_id, chunks, embedder)
    except AppError as error:
        if error.code is Code.LLM_BUDGET_USED_UP:
            batch.refused = error
        elif error.retry is Retry.NEVER:
            raise
        else:
            batch.down = error
        return None
    batch.embedded += len(result.fresh)
    if result.usage.calls and not is_paid(embedder.provider):
        batch.usage.append(_row(embedder.provider, embedder.model, Purpose.EMBED_DOCUMENT, result.usage))
    return result.vectors


async def _embed_apart(
    services: Services, company_id: str, documents: Sequence[Document], chunks: Sequence[list[Chunk]], batch: Batch
) -> tuple[list[Document], list[list[Chunk]], list[list[float]] | None]:
    """Each Document by itself, so that one whose text is rejected holds up no other: those that came through, and their vectors.

    Where none does it is not the texts' fault: they wait for settings that fit the model.
    """
    why: AppError | None = None
    through: list[tuple[Document, list[Chunk], list[list[float]]]] = []
    rejected: list[Document] = []
    for document, of_one in zip(documents, chunks, strict=True):
        try:
            vectors = await _embed(services, company_id, of_one, batch)
        except AppError as error:
            why = error
            rejected.append(failed(document, error))
            continue
        if vectors is None:
            return [*documents], [*chunks], None
        through.append((document, of_one, vectors))
    if not through:
        batch.down = why
        return [*documents], [*chunks], None
    batch.done.extend(rejected)
    return [one[0] for one in through], [one[1] for one in through], [vector for one in through for vector in one[2]]


async def _finish(services: Services, company_id: str, batch: Batch) -> None:
    """Write what became of the batch; a Document that changed or went meanwhile keeps its newer state."""
    connection_ids = {document.connection_id for document in (*batch.done, *batch.postponed)}
    async with services.database.open(company_id, write=True) as uow:
        every = [*batch.done, *await still_waiting(uow, batch.postponed)]
        written = await uow.documents.finish(every)
        await solved.remember(uow, batch.done)
        if batch.usage:
            await uow.usage.add(batch.usage)
        await add_processed(uow, connection_ids, llm_calls=batch.llm_calls, embedded=batch.embedded)
        if batch.down is not None:
            for connection_id in connection_ids:
                run = await uow.sync.active_run(connection_id)
                if run is not None:
                    told = msgspec.structs.replace(run, error_code=batch.down.code.value, error_message=batch.down.message)
                    await uow.sync.put_run(msgspec.structs.replace(told, state=RunState.RUNNING))
        overtaken = await uow.documents.get_many([d.document_id for d in every]) if written < len(every) else {}
    for document in batch.done:
        services.meter.count("documents_processed", 1, state=document.state.value)
    # Deleted while it was being indexed: its points must not stay.
    if left := [document_id for document_id, document in overtaken.items() if document.state is DocState.DELETED]:
        await (await services.indexes.open(company_id)).delete(left)


def _row(provider: str, model: str, purpose: Purpose, usage: Usage) -> UsageRow:
    return UsageRow(day=clock.now().date(), provider=provider, model=model, purpose=purpose, usage=usage)
