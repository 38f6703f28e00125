"""Asking for a ticket's summary: Problem, Cause, Solution, Result as JSON."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from backend.core.model.answer import Message, Prompt, SummaryMaterial
from backend.core.model.budget import Purpose
from backend.core.model.document import Part, Summary
from backend.core.model.ticket import Role
from backend.core.prompts.fence import FENCE_RULE, fenced

SUMMARY_VERSION: Final = "summary-1"
MERGE_VERSION: Final = "summary-merge-1"

_TEXT: Final = {"type": "string"}
# Structured outputs want every property required and no others:
# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
SUMMARY_SCHEMA: Final[dict[str, Any]] = {
    "title": "ticket_summary",
    "type": "object",
    "properties": {
        "problem": _TEXT,
        "cause": _TEXT,
        "solution": _TEXT,
        "result": _TEXT,
        "language": {"type": "string", "description": "ISO 639-1 code of the language the summary is written in"},
        "product_area": {"type": "string", "description": "Product, module or service concerned; empty if not told"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "resolved": {"type": "boolean"},
        "sentiment": {"type": "string", "enum": ["positive", "neutral", "negative"]},
    },
    "required": ["problem", "cause", "solution", "result", "language", "product_area", "tags", "resolved", "sentiment"],
    "additionalProperties": False,
}

_RULES: Final = f"""\
You summarize support tickets so that other agents find and reuse the solution.
{FENCE_RULE}

Answer with one JSON object and nothing else:
- problem: what the customer wanted or what went wrong, with product names, error messages and codes as written. 1 to 3 sentences.
- cause: why it happened, only if the ticket tells; otherwise "".
- solution: what was done or what to do, step by step if there are steps, with menu paths and settings as written; otherwise "".
- result: how it ended for the customer, only if the ticket tells; otherwise "".
- language: ISO 639-1 code of the language you write in: the one the customer writes in.
- product_area: the product, module or service concerned; "" if not told.
- tags: up to 5 short keywords in that language.
- resolved: true only if the ticket shows that the problem is solved or the request is done.
- sentiment: positive, neutral or negative: the customer's, at the end.

Write all texts in the language the customer writes in. Use only what the ticket tells; never guess. Leave out greetings, names of people,
e-mail addresses, phone numbers and passwords."""

_MERGE_RULES: Final = f"""\
A long support ticket was summarized in parts, oldest first. Merge the parts into one summary of the whole ticket, with the same fields.
Later parts tell how it ended: where parts disagree, the later one is right. Keep error messages, menu paths and steps as written.
{FENCE_RULE}
Answer with one JSON object and nothing else, in the language of the parts."""

_ROLES: Final = {Role.CUSTOMER: "customer", Role.AGENT: "agent", Role.SYSTEM: "system", None: ""}


def render_part(part: Part) -> str:
    """One turn or attachment as the model sees it: who wrote it by role, never by name."""
    label = _ROLES[part.role] or part.kind
    if part.kind == "note":
        label = "internal note"
    elif part.kind == "attachment":
        label = f"attachment {part.heading}".rstrip()
    return fenced("TURN", part.text, label)


def summary_prompt(title: str, parts: Sequence[Part]) -> Prompt:
    """Ask for the summary of a ticket from these parts; the caller leaves out what must not be summarized."""
    body = "\n".join([fenced("TITLE", title), *map(render_part, parts)])
    return Prompt(
        purpose=Purpose.SUMMARY,
        version=SUMMARY_VERSION,
        messages=(Message(role="system", text=_RULES), Message(role="user", text=body)),
        material=SummaryMaterial(title=title, parts=tuple(parts)),
        schema=SUMMARY_SCHEMA,
        max_tokens=1200,
    )


def merge_prompt(title: str, summaries: Sequence[Summary], parts: Sequence[Part]) -> Prompt:
    """Ask for one summary from those of a ticket's parts; `parts` is the whole ticket, for a model that reads material."""
    pieces = [fenced("PART", msgspec.json.encode(summary).decode(), str(number)) for number, summary in enumerate(summaries, 1)]
    return Prompt(
        purpose=Purpose.SUMMARY,
        version=MERGE_VERSION,
        messages=(
            Message(role="system", text=_MERGE_RULES),
            Message(role="user", text="\n".join([fenced("TITLE", title), *pieces])),
        ),
        material=SummaryMaterial(title=title, parts=tuple(parts)),
        schema=SUMMARY_SCHEMA,
        max_tokens=1200,
    )
