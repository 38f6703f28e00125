"""What every store of solved questions and calibrations must do."""

from msgspec.structs import replace

from backend.core.model.document import DocState, DocType
from backend.core.model.search import Calibration, Weights
from backend.core.ports.stores import MOST_QUESTIONS
from tests.contract.records import START, Records, connection, doc

CALIBRATION = Calibration(
    made_by="bigram-1+bm25-1",
    min_support=0.58,
    kept=0.95,
    refused=0.7,
    questions=124,
    at=START,
    weights={"ko": Weights(dense=0.5, sparse=1.0)},
)


async def test_articles_know_the_tickets_they_solved(records: Records) -> None:
    async with records.database.open("acme") as work:
        assert await work.solved.replace({"t1": ["a1", "a2"], "t2": ["a1"], "t3": []}) == ["a1", "a2"]
        assert await work.solved.of_articles(["a1", "a2", "a3"]) == {"a1": ["t1", "t2"], "a2": ["t1"]}
    async with records.database.open("acme") as work:
        assert await work.solved.replace({"t1": ["a1", "a2"]}) == []
        assert await work.solved.replace({"t1": ["a2"]}) == ["a1"]
        assert await work.solved.of_articles(["a1"]) == {"a1": ["t2"]}
        assert await work.solved.replace({}) == []


async def test_an_article_keeps_so_many_tickets(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.solved.replace({f"t{n:02d}": ["a1"] for n in range(MOST_QUESTIONS + 5)})
        assert len((await work.solved.of_articles(["a1"]))["a1"]) == MOST_QUESTIONS
        assert await work.solved.replace({"t99": ["a1"]}) == []


async def test_solved_tickets_of_two_tenants_never_meet(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.solved.replace({"t1": ["a1"]})
    async with records.database.open("other") as work:
        assert await work.solved.of_articles(["a1"]) == {}
        assert await work.solved.replace({"t1": []}) == []
        await work.solved.replace({"t1": ["a1"]})
    async with records.database.open("acme") as work:
        await work.solved.replace({"t1": []})
        assert await work.solved.of_articles(["a1"]) == {}
    async with records.database.open("other") as work:
        assert await work.solved.of_articles(["a1"]) == {"a1": ["t1"]}


async def test_a_deleted_ticket_lends_its_words_no_more(records: Records) -> None:
    ticket = replace(doc(1), state=DocState.INDEXED)
    article = replace(doc(9), document_id="an-article", doc_type=DocType.ARTICLE, state=DocState.INDEXED)
    async with records.database.open("acme") as work:
        await work.connections.put(connection(ticket.connection_id))
        await work.documents.put([ticket, article])
        await work.solved.replace({ticket.document_id: [article.document_id]})
        await work.documents.mark_deleted(ticket.connection_id, DocType.TICKET, {"1": "deleted"}, START)
        assert await work.solved.of_articles([article.document_id]) == {}
        found = await work.documents.get(article.document_id)
        assert found is not None
        assert found.state is DocState.PENDING


async def test_calibrations_are_kept_by_maker_and_tenant(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.calibrations.put(CALIBRATION)
        await work.calibrations.put(replace(CALIBRATION, min_support=0.6))
        assert await work.calibrations.get(CALIBRATION.made_by) == replace(CALIBRATION, min_support=0.6)
        assert await work.calibrations.get("another") is None
    async with records.database.open("other") as work:
        assert await work.calibrations.get(CALIBRATION.made_by) is None
        assert not await work.calibrations.delete(CALIBRATION.made_by)
    async with records.database.open("acme") as work:
        assert await work.calibrations.delete(CALIBRATION.made_by)
        assert await work.calibrations.get(CALIBRATION.made_by) is None
