"""Answers a tenant was given, and thumbs on them."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, select

from backend.core.ids import text_hash
from backend.core.model.answer import Answer
from backend.core.model.feedback import Feedback, Rating
from backend.storage.sql.pages import Place, cut
from backend.storage.sql.tables_judged import answers
from backend.storage.sql.tables_judged import feedback as table
from backend.storage.sql.transaction import TenantTables, batches

_answer = msgspec.json.Decoder(Answer)
_feedback = msgspec.json.Decoder(Feedback)
_ID = table.c.body["feedback_id"].as_string()
"""Tells thumbs of one moment apart; there are hardly ever two."""


class SqlFeedbackStore(TenantTables):
    """FeedbackStore by SQL."""

    async def put_answer(self, answer: Answer) -> None:
        """Keep an answer, so that feedback can point to it."""
        row = {"company_id": self._company_id, "answer_id": answer.answer_id, "created_at": answer.created_at, "body": answer}
        await self._in.upsert(answers, [row])

    async def get_answer(self, answer_id: str) -> Answer | None:
        """One by id."""
        query = select(answers.c.body).where(answers.c.company_id == self._company_id, answers.c.answer_id == answer_id)
        row = await self._in.row(query.order_by(answers.c.created_at.desc()))
        return _answer.decode(row.body) if row else None

    async def put(self, feedback: Feedback) -> None:
        """Insert; a later one of the same caller on the same thing for the same question replaces it; NONE removes it.

        NONE for a Document without a question removes all the caller said of it.
        """
        thing = {
            "company_id": self._company_id,
            "caller": feedback.caller,
            "answer_id": feedback.answer_id or _question_key(feedback.query),
            "document_id": feedback.document_id or "",
        }
        if feedback.rating is Rating.NONE:
            if feedback.answer_id is None and not feedback.query:
                del thing["answer_id"]
            await self._in.write(delete(table).where(*(table.c[name] == value for name, value in thing.items())))
        else:
            await self._in.upsert(table, [{**thing, "at": feedback.at, "body": feedback}])

    async def of_documents(self, document_ids: Collection[str]) -> list[Feedback]:
        """All thumbs on these Documents, oldest first within a Document."""
        found: list[Feedback] = []
        for ids in batches(document_ids):
            query = select(table.c.body).where(table.c.company_id == self._company_id, table.c.document_id.in_(ids))
            rows = await self._in.rows(query.order_by(table.c.document_id, table.c.at, table.c.caller))
            found += [_feedback.decode(row.body) for row in rows]
        return found

    async def list(
        self, *, rating: Rating | None = None, since: datetime | None = None, limit: int = 50, after: str | None = None
    ) -> tuple[list[Feedback], str | None]:
        """A page of thumbs, newest first, and the cursor of the next page. Raises INVALID_REQUEST for a cursor that is not ours.

        What follows from a thumb on an answer (`of_answer`) is not listed beside it.
        """
        query = select(table.c.at, _ID.label("feedback_id"), table.c.body).where(table.c.company_id == self._company_id)
        query = query.where(table.c.body["of_answer"].as_boolean().is_not(True))
        if rating is not None:
            query = query.where(table.c.body["rating"].as_string() == rating.value)
        if since is not None:
            query = query.where(table.c.at >= since)
        if after is not None:
            query = query.where(Place.read(after).before(table.c.at, _ID))
        rows = await self._in.rows(query.order_by(table.c.at.desc(), _ID.desc()).limit(limit + 1))
        page, following = cut(rows, limit, lambda last: Place(last.at, last.feedback_id))
        return [_feedback.decode(row.body) for row in page], following

    async def version(self) -> str:
        """How many thumbs there are, and the time of the latest."""
        query = select(func.count(), func.max(table.c.at)).where(table.c.company_id == self._company_id)
        row = await self._in.row(query)
        return f"{row[0]}/{row[1]}" if row and row[0] else ""


def _question_key(query: str) -> str:
    """What stands for the answer where a thumb was given beside a question: the same document may suit one and not another."""
    return f"q:{text_hash(query.strip().casefold())[:32]}" if query.strip() else ""
