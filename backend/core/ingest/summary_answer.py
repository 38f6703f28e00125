"""One question for a summary, and what a valid answer to it is: the schema, its reading, and the failure that it may be."""

import re
from typing import Final, Literal

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion
from backend.core.model.document import Summary
from backend.core.text.language import detect_language
from backend.core.text.redactor import Redactor

_TAGS: Final = 8
# Models without schema support like to wrap JSON in a Markdown block.
_WRAPPED = re.compile(r"\A```(?:json)?\s*(.*?)\s*```\Z", re.DOTALL)
_CODE = re.compile(r"[A-Za-z]{2}(?:[-_][A-Za-z]{2,4})?")


class SummaryAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model must answer: every field of the schema and no other."""

    problem: str
    cause: str
    solution: str
    result: str
    language: str
    product_area: str
    tags: tuple[str, ...]
    resolved: bool
    sentiment: Literal["positive", "neutral", "negative"]


def summary_of(completion: Completion, neutral: Redactor) -> Summary:
    """What a model answered, validated; it names nobody. Raises SUMMARY_INVALID."""
    return neutral.summary(read_summary(completion.text, f"{completion.provider}:{completion.model}"))


def read_summary(text: str, made_by: str) -> Summary:
    """What a model answered, as a Summary. Raises SUMMARY_INVALID, which names `made_by`."""
    try:
        answer = msgspec.json.decode(_WRAPPED.sub(r"\1", text.strip()), type=SummaryAnswer)
    except msgspec.MsgspecError as error:
        raise _invalid(made_by, _reason(error)) from None
    if not answer.problem.strip():
        raise _invalid(made_by, "no problem told")
    return _summary(answer)


def _summary(answer: SummaryAnswer) -> Summary:
    """A valid answer as a Summary: texts trimmed, the language a code whatever the model called it."""
    language = answer.language.strip().lower()[:2] if _CODE.fullmatch(answer.language.strip()) else detect_language(answer.problem)
    return Summary(
        problem=answer.problem.strip(),
        cause=answer.cause.strip(),
        solution=answer.solution.strip(),
        result=answer.result.strip(),
        language=language,
        product_area=answer.product_area.strip()[:100],
        tags=tuple(tag.strip()[:50] for tag in answer.tags if tag.strip())[:_TAGS],
        resolved=answer.resolved,
        sentiment=answer.sentiment,
    )


def _invalid(made_by: str, reason: str) -> AppError:
    return AppError(
        Code.SUMMARY_INVALID,
        f"{made_by} answered with a summary that does not fit the schema ({reason}). It is tried again "
        "later; if it keeps failing, choose another model to summarize.",
    )


def _reason(error: msgspec.MsgspecError) -> str:
    """Where the answer differs from the schema, without the answer's own words: they may quote the ticket."""
    if not isinstance(error, msgspec.ValidationError):
        return "not JSON"
    where = str(error).rpartition(" - at ")[2].strip("`")
    return f"at {where}" if where.startswith("$") else "fields missing or unknown"
