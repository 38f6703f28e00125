"""Let a model that reasons judge the best hits again, where the installation wants that: better order for one call a question."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.search import Hit
from backend.core.ports.llm import ChatModel
from backend.core.prompts.rerank import rerank_prompt
from backend.core.text.size import clip_tokens

_TOKENS: Final = 300
"""Of each text: enough to tell what it is about."""
_WRAPPED: Final = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


class _Score(Struct):
    number: int
    score: float


class _Scores(Struct):
    scores: list[_Score]


async def rerank(hits: Sequence[Hit], question: str, chat: ChatModel, most: int) -> list[Hit]:
    """The first `most` hits by the model's judgment, equal ones as they stood; the others behind them.

    Raises the model's LLM_* errors; an answer that can't be read is LLM_UNAVAILABLE. Then the order stays as it is.
    """
    judged, rest = list(hits[:most]), list(hits[most:])
    if len(judged) < 2:
        return [*judged, *rest]
    completion = await chat.complete(rerank_prompt(question, [(hit.title, clip_tokens(hit.chunk.text, _TOKENS)) for hit in judged]))
    try:
        answer = msgspec.json.decode(_WRAPPED.sub(r"\1", completion.text.strip()), type=_Scores)
    except msgspec.DecodeError:
        raise AppError(
            Code.LLM_UNAVAILABLE, f"{completion.provider}:{completion.model} judged the hits in a form that can't be read."
        ) from None
    scores = {each.number: max(0.0, min(10.0, each.score)) for each in answer.scores}
    order = sorted(range(len(judged)), key=lambda place: -scores.get(place + 1, -1.0))
    # The scores stay where they are, so that the list still falls from its first hit to its last.
    standing = [hit.score for hit in judged]
    best = [_told(judged[place], scores.get(place + 1), score) for place, score in zip(order, standing, strict=True)]
    return [*best, *rest]


def _told(hit: Hit, judged: float | None, score: float) -> Hit:
    if judged is None:
        return msgspec.structs.replace(hit, score=score)
    why = msgspec.structs.replace(hit.why, rerank=judged)
    return msgspec.structs.replace(hit, score=score, why=why, explanation=(*hit.explanation, f"judged {judged:g} of 10 by a model"))
