"""What every Database must do: transactions, tenants apart, jobs after the commit, no lock in anybody's way."""

import inspect
import pickle
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from backend.core.errors import AppError, Code
from backend.core.model.budget import Budget, BudgetOwner, Limits, Purpose
from backend.core.model.document import AttachmentState, DocState, DocType
from backend.core.model.feedback import Rating
from backend.core.model.search import Calibration
from backend.core.model.sync import Cursor, HeldDeletion, RunState, Stream
from backend.core.model.ticket import Presence
from backend.core.ports import attachments, erasures, exports, groups, judged, nudges, spending, stores, sweeps
from backend.core.ports.database import UnitOfWork
from backend.core.ports.erasures import TextPlace
from tests.contract.records import (
    CONNECTION,
    NUDGE,
    START,
    Records,
    answer,
    api_key,
    attachment,
    audit_entry,
    connection,
    doc,
    erasure,
    export,
    failure,
    run,
    thumb,
    usage_row,
)

CALIBRATION = Calibration(made_by="bigram-1+bm25-1", min_support=0.6, kept=0.95, refused=0.7, questions=10, at=START)
BUDGET = Budget(owner=BudgetOwner.TENANT, limits=Limits(daily_usd=1.0), set_by="key:k", set_at=START)


async def fill(records: Records, company: str) -> None:
    """One row of everything; the ids on the helpdesk are the same for every tenant."""
    async with records.database.open(company) as work:
        document = replace(doc(1, company=company), next_try_at=START, error_code="llm_budget_used_up", groups=("freshdesk:42", "=결제팀"))
        opened = doc(8, company=company, status="open", state=DocState.INDEXED)
        await work.documents.put([document, opened, doc(9, company=company)])
        await work.documents.mark_deleted(CONNECTION, DocType.TICKET, {"9": "deleted"}, START)
        await work.attachments.put([attachment("1", document, state=AttachmentState.WAITING)])
        await work.connections.put(connection())
        await work.sync.put_run(run("run_1"))
        await work.sync.put_cursor(CONNECTION, Cursor(stream=Stream.TICKETS, position={"page": 1}))
        await work.sync.put_failures(CONNECTION, [failure("1")])
        await work.sweeps.begin(CONNECTION, "run_1", DocType.TICKET)
        await work.sweeps.hold(CONNECTION, [HeldDeletion(doc_type=DocType.TICKET, original_id="1", presence=Presence.PURGED, at=START)])
        await work.nudges.note([NUDGE])
        await work.nudges.remember(CONNECTION, ["digest"], START)
        await work.usage.add([usage_row()])
        await work.usage.put_cached({"key": b"value"}, Purpose.SUMMARY)
        await work.budgets.put(BUDGET)
        await work.feedback.put_answer(answer("ans_1", document))
        await work.feedback.put(thumb(Rating.UP, document))
        await work.solved.replace({document.document_id: ["an-article"]})
        await work.calibrations.put(CALIBRATION)
        await work.index_marks.change()
        await work.audit.add(audit_entry())
        await work.erasures.put(erasure("erasure_1"))
        await work.exports.put(export("export_1"))
        await work.keys.put(api_key(f"k-{company}", company))


DAY, ACME = date(2026, 3, 1), doc(1).document_id
READS: dict[str, Callable[[UnitOfWork], Awaitable[Any]]] = {
    "documents.versions": lambda w: w.documents.versions(CONNECTION, DocType.TICKET, ["1"]),
    "documents.get": lambda w: w.documents.get(ACME),
    "documents.get_many": lambda w: w.documents.get_many([ACME]),
    "documents.standing": lambda w: w.documents.standing([ACME]),
    "documents.find": lambda w: w.documents.find(None, DocType.TICKET, "1"),
    "documents.buried": lambda w: w.documents.buried(CONNECTION, 10),
    "documents.postponed": lambda w: w.documents.postponed(START - timedelta(days=1)),
    "documents.counts": lambda w: w.documents.counts(),
    "documents.list": lambda w: w.documents.list(),
    "documents.newest_open": lambda w: w.documents.newest_open(10),
    "groups.list": lambda w: w.groups.list(),
    "attachments.get": lambda w: w.attachments.get("freshdesk-1"),
    "attachments.waiting": lambda w: w.attachments.waiting(10),
    "attachments.in_use": lambda w: w.attachments.in_use(["attachments/1"], without=[]),
    "attachments.of": lambda w: w.attachments.of([ACME]),
    "connections.get": lambda w: w.connections.get(CONNECTION),
    "connections.list": lambda w: w.connections.list(),
    "sync.get_run": lambda w: w.sync.get_run("run_1"),
    "sync.list_runs": lambda w: w.sync.list_runs(),
    "sync.active_run": lambda w: w.sync.active_run(CONNECTION),
    "sync.get_cursor": lambda w: w.sync.get_cursor(CONNECTION, Stream.TICKETS),
    "sync.list_failures": lambda w: w.sync.list_failures(CONNECTION),
    "sync.get_failure": lambda w: w.sync.get_failure(CONNECTION, DocType.TICKET, "1"),
    "sync.count_failures": lambda w: w.sync.count_failures(CONNECTION),
    "sweeps.under_way": lambda w: w.sweeps.under_way(CONNECTION, "run_1", DocType.TICKET),
    "sweeps.missing": lambda w: w.sweeps.missing(CONNECTION, DocType.TICKET, START + timedelta(days=9_000)),
    "sweeps.live": lambda w: w.sweeps.live(CONNECTION, DocType.TICKET),
    "sweeps.list_held": lambda w: w.sweeps.list_held(CONNECTION),
    "sweeps.count_held": lambda w: w.sweeps.count_held(CONNECTION),
    "nudges.due": lambda w: w.nudges.due(CONNECTION, START, 10),
    "nudges.seen": lambda w: w.nudges.seen(CONNECTION, ["digest"]),
    "budgets.list": lambda w: w.budgets.list(),
    "usage.list": lambda w: w.usage.list(DAY, DAY),
    "usage.get_cached": lambda w: w.usage.get_cached(["key"]),
    "feedback.get_answer": lambda w: w.feedback.get_answer("ans_1"),
    "feedback.list": lambda w: w.feedback.list(),
    "feedback.version": lambda w: w.feedback.version(),
    "feedback.of_documents": lambda w: w.feedback.of_documents([ACME]),
    "solved.of_articles": lambda w: w.solved.of_articles(["an-article"]),
    "calibrations.get": lambda w: w.calibrations.get(CALIBRATION.made_by),
    "index_marks.get": lambda w: w.index_marks.get(),
    "audit.list": lambda w: w.audit.list(),
    "keys.get": lambda w: w.keys.get("k-acme"),
    "keys.list": lambda w: w.keys.list(),
    "erasures.get": lambda w: w.erasures.get("erasure_1"),
    "erasures.list": lambda w: w.erasures.list(),
    "erasures.version": lambda w: w.erasures.version(),
    "exports.get": lambda w: w.exports.get("export_1"),
    "exports.list": lambda w: w.exports.list(),
    "erasures.texts": lambda w: w.erasures.texts(TextPlace.ANSWERS, "", 10),
}
ERASES: dict[str, Callable[[UnitOfWork], Awaitable[Any]]] = {
    "documents.touch": lambda w: w.documents.touch({ACME: "v9"}),
    "documents.claim": lambda w: w.documents.claim(10, START),
    "documents.finish": lambda w: w.documents.finish([doc(1, state=DocState.SKIPPED)]),
    "documents.release": lambda w: w.documents.release(),
    "documents.mark_deleted": lambda w: w.documents.mark_deleted(CONNECTION, DocType.TICKET, {"1": "deleted"}, START),
    "documents.erased": lambda w: w.documents.erased([ACME]),
    "documents.retry": lambda w: w.documents.retry(),
    "documents.reindex": lambda w: w.documents.reindex([ACME]),
    "documents.resume": lambda w: w.documents.resume("llm_budget_used_up"),
    "budgets.delete": lambda w: w.budgets.delete(BudgetOwner.TENANT),
    "calibrations.delete": lambda w: w.calibrations.delete(CALIBRATION.made_by),
    "attachments.delete": lambda w: w.attachments.delete([ACME]),
    "connections.delete": lambda w: w.connections.delete(CONNECTION),
    "sweeps.end": lambda w: w.sweeps.end(CONNECTION, DocType.TICKET),
    "sweeps.drop_held": lambda w: w.sweeps.drop_held(CONNECTION),
    "nudges.done": lambda w: w.nudges.done([NUDGE]),
    "nudges.forget": lambda w: w.nudges.forget(CONNECTION, START + timedelta(days=1)),
    "sync.forget_runs": lambda w: w.sync.forget_runs(CONNECTION, START + timedelta(days=1), keep=1, limit=10),
    "erasures.rewrite": lambda w: w.erasures.rewrite(TextPlace.ANSWERS, {'["ans_1"]': None}),
    "exports.delete": lambda w: w.exports.delete("export_1"),
    "sync.clear_failures": lambda w: w.sync.clear_failures(CONNECTION, DocType.TICKET, ["1"]),
}
PUTS = {
    *("documents.put", "attachments.put", "connections.put", "sync.put_run", "sync.put_cursor", "sync.put_failures", "usage.add"),
    *("usage.put_cached", "sweeps.begin", "sweeps.sight", "sweeps.hold", "feedback.put_answer", "feedback.put", "audit.add", "keys.put"),
    *("solved.replace", "calibrations.put", "budgets.put", "nudges.note", "nudges.remember", "index_marks.change", "erasures.put"),
    "exports.put",
}
NOTHING: tuple[object, ...] = (None, 0, False, "", [], {}, set(), ([], None), dict.fromkeys(DocState, 0))


def protocol_of(annotation: Any) -> Any:
    """The port that a UnitOfWork names, whether as a class or by its name."""
    name = annotation if isinstance(annotation, str) else annotation.__name__
    return next(
        getattr(module, name)
        for module in (stores, judged, attachments, erasures, exports, groups, spending, nudges, sweeps)
        if hasattr(module, name)
    )


def test_every_method_of_every_store_is_part_of_the_isolation_test() -> None:
    methods = {
        f"{noun}.{name}"
        for noun, protocol in inspect.get_annotations(UnitOfWork).items()
        if noun != "company_id"
        for name, _ in inspect.getmembers(protocol_of(protocol), inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods == READS.keys() | ERASES.keys() | PUTS


async def everything(records: Records, company: str) -> dict[str, Any]:
    async with records.database.open(company) as work:
        return {name: await read(work) for name, read in READS.items()}


async def test_two_tenants_never_meet(records: Records) -> None:
    await fill(records, "acme")
    assert not [name for name, seen in (await everything(records, "other")).items() if seen not in NOTHING]
    before = await everything(records, "acme")
    assert not [name for name, seen in before.items() if seen in NOTHING], "the test reads what was filled"
    for erase in ERASES.values():
        async with records.database.open("other") as work:
            await erase(work)
    await fill(records, "other")
    async with records.database.open("other") as work:
        await work.feedback.put(thumb(Rating.NONE, doc(1)))
        await work.connections.put(replace(connection(), state_reason="다른 회사"))
        await work.sync.put_run(run("run_1", RunState.FAILED))
    assert await everything(records, "acme") == before


async def test_deleting_a_tenant_leaves_the_other_whole(records: Records) -> None:
    await fill(records, "acme")
    await fill(records, "other")
    before = await everything(records, "other")
    async with records.database.directory() as directory:
        await directory.delete_tenant("acme")
        assert [t.company_id for t in await directory.list_tenants()] == ["other"]
        assert await directory.find_key("hash-k-acme") is None
        assert {job.company_id for job in await directory.unfinished()} == {"other"}
    assert not [name for name, seen in (await everything(records, "acme")).items() if seen not in NOTHING]
    assert await everything(records, "other") == before


async def test_nothing_can_be_written_for_a_tenant_that_is_gone(records: Records) -> None:
    async with records.database.directory() as directory:
        await directory.delete_tenant("acme")
    with pytest.raises(AppError) as refused:
        await fill(records, "acme")
    assert refused.value.code is Code.TENANT_NOT_FOUND


async def test_a_document_that_was_packed_elsewhere_is_the_same(records: Records) -> None:
    document = replace(doc(1), title="제목 \\u0000 'quote'", next_try_at=START, error_code="x", state=DocState.PENDING)
    packed = pickle.loads(pickle.dumps(records.database.pack))("acme", document)  # noqa: S301 - it crosses to another process so
    async with records.database.open("acme") as work:
        await work.documents.put([packed, doc(2)])
    async with records.database.open("acme") as work:
        assert await work.documents.get(document.document_id) == document
        assert await work.documents.get(doc(2).document_id) == doc(2)
    with pytest.raises(ValueError, match="packed for"):
        async with records.database.open("other") as work:
            await work.documents.put([packed])
    async with records.database.open("other") as work:
        assert await work.documents.get(document.document_id) is None
