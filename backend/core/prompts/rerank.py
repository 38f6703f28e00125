"""Asking which of the found texts answer a question."""

from collections.abc import Sequence
from typing import Any, Final

from backend.core.model.answer import Message, Prompt, RerankMaterial
from backend.core.model.budget import Purpose
from backend.core.prompts.fence import FENCE_RULE, fenced

RERANK_VERSION: Final = "rerank-1"

RERANK_SCHEMA: Final[dict[str, Any]] = {
    "title": "relevance",
    "type": "object",
    "properties": {
        "scores": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"number": {"type": "integer"}, "score": {"type": "integer"}},
                "required": ["number", "score"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["scores"],
    "additionalProperties": False,
}
_RULES: Final = f"""\
You judge for a support team how well texts from past tickets and help articles answer a question.
{FENCE_RULE}

Give every text a score from 0 to 10:
10: it answers the question as asked. 7: it solves the same problem. 4: same product or feature, another problem. 0: another subject.
Judge by what it says, not by shared words; question and text may be in different languages.
Answer with JSON only: {{"scores": [{{"number": 1, "score": 7}}, ...]}}, one entry for every text."""
_TOKENS_EACH: Final = 20


def rerank_prompt(question: str, texts: Sequence[tuple[str, str]]) -> Prompt:
    """Ask for a score from 0 to 10 for each (title, text), numbered from 1."""
    material = [fenced("QUESTION", question)]
    material += [fenced(f"TEXT {number}", text, note=title) for number, (title, text) in enumerate(texts, 1)]
    return Prompt(
        purpose=Purpose.RERANK,
        version=RERANK_VERSION,
        messages=(Message(role="system", text=_RULES), Message(role="user", text="\n\n".join(material))),
        material=RerankMaterial(question=question, texts=tuple(text for _, text in texts)),
        schema=RERANK_SCHEMA,
        max_tokens=100 + _TOKENS_EACH * len(texts),
    )
