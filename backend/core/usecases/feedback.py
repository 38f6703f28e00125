"""A thumb on an answer or a recommendation; the next ranking reads it."""

from datetime import datetime

from msgspec import Struct, structs

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.model.answer import Answer
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.job import preparing
from backend.core.model.sight import is_there, may_see
from backend.core.model.tenant import Caller
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services


class FeedbackInput(Struct, frozen=True, kw_only=True):
    """What somebody thinks of an answer, of a Document that was recommended, or of the Document within the answer."""

    answer_id: str | None = None
    document_id: str | None = None
    query: str = ""
    """What was asked, where there is no answer to read it from."""
    rating: Rating
    comment: str = ""


async def record_feedback(services: Services, company_id: str, given: FeedbackInput, *, caller: Caller) -> Feedback:
    """Keep a thumb; a later one of the same caller on the same thing for the same question replaces it, `none` takes it back.

    One on a whole answer goes for each Document that it cites too, unless the caller judged that one itself.
    Raises INVALID_REQUEST, ANSWER_NOT_FOUND or DOCUMENT_NOT_FOUND.
    """
    if given.answer_id is None and given.document_id is None:
        raise AppError(Code.INVALID_REQUEST, "Say what the feedback is about: answer_id, document_id or both.")
    query, cited = given.query, set[str]()
    async with services.database.open(company_id) as uow:
        if given.answer_id is not None:
            answer = await uow.feedback.get_answer(given.answer_id)
            if answer is None or not await _sees_sources(uow, caller, answer):
                raise AppError(Code.ANSWER_NOT_FOUND, f"There is no answer {given.answer_id}.")
            query = query or answer.question
            cited = {each.document_id for each in answer.citations} if given.document_id is None else cited
        if given.document_id is not None and not is_there(caller, await uow.documents.get(given.document_id)):
            raise AppError(Code.DOCUMENT_NOT_FOUND, f"There is no document {given.document_id}.")
        feedback = Feedback(
            feedback_id=ids.new_id("fb"),
            caller=caller.actor,
            answer_id=given.answer_id,
            document_id=given.document_id,
            query=query,
            rating=given.rating,
            comment=given.comment,
            at=clock.now(),
        )
        await uow.feedback.put(feedback)
        judged = {each.document_id for each in await uow.feedback.of_documents(cited) if _is_own_word(each, feedback)}
        for document_id in sorted(cited - judged):
            follows = {"feedback_id": ids.new_id("fb"), "document_id": document_id, "comment": "", "of_answer": True}
            await uow.feedback.put(structs.replace(feedback, **follows))
        about = {"answer": given.answer_id, "document": given.document_id}
        told = {name: each for name, each in about.items() if each is not None}
        await uow.audit.add(caller.audited("feedback.give", feedback.feedback_id, rating=given.rating.value, **told))
        uow.enqueue(preparing(company_id))
    services.meter.count("feedback", rating=given.rating.value)
    return feedback


class FeedbackQuery(Struct, frozen=True, kw_only=True):
    """Which thumbs to list; None asks for nothing."""

    rating: Rating | None = None
    since: datetime | None = None
    limit: int = 50
    after: str | None = None


async def list_feedback(services: Services, company_id: str, query: FeedbackQuery) -> tuple[list[Feedback], str | None]:
    """A page of the tenant's thumbs, newest first, and the cursor of the next one. Raises INVALID_REQUEST for a strange cursor."""
    async with services.database.open(company_id) as uow:
        return await uow.feedback.list(rating=query.rating, since=query.since, limit=query.limit, after=query.after)


def _is_own_word(known: Feedback, feedback: Feedback) -> bool:
    """Whether the caller judged this Document within the same answer by a thumb of its own."""
    return (known.caller, known.answer_id) == (feedback.caller, feedback.answer_id) and not known.of_answer


async def _sees_sources(uow: UnitOfWork, caller: Caller, answer: Answer) -> bool:
    """Whether nothing that the answer rests on is a ticket of a group that is not the caller's."""
    if caller.groups is None:
        return True
    cited = await uow.documents.get_many([each.document_id for each in answer.citations])
    return all(may_see(caller, document) for document in cited.values())
