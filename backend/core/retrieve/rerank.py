"""Let a model judge the best hits again, one that reasons or a cross-encoder: better order for one call a question."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.search import Hit
from backend.core.ports.llm import ChatModel, Reranker
from backend.core.prompts.rerank import rerank_prompt
from backend.core.text.size import clip_tokens

_TOKENS: Final = 300
"""Of each text: enough to tell what it is about."""
_BEST: Final = 10.0
_WRAPPED: Final = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


class _Score(Struct):
    number: int
    score: float


class _Scores(Struct):
    scores: list[_Score]


async def rerank(hits: Sequence[Hit], question: str, chat: ChatModel, most: int) -> list[Hit]:
    """The first `most` hits by the judgment of a model that reasons, equal ones as they stood; the others behind them.

    Raises the model's LLM_* errors; an answer that can't be read is LLM_UNAVAILABLE. Then the order stays as it is.
    """
    judged = hits[:most]
    if len(judged) < 2:
        return list(hits)
    completion = await chat.complete(rerank_prompt(question, [(hit.title, clip_tokens(hit.chunk.text, _TOKENS)) for hit in judged]))
    try:
        answer = msgspec.json.decode(_WRAPPED.sub(r"\1", completion.text.strip()), type=_Scores)
    except msgspec.DecodeError:
        raise AppError(
            Code.LLM_UNAVAILABLE, f"{completion.provider}:{completion.model} judged the hits in a form that can't be read."
        ) from None
    return _by_scores(hits, len(judged), {each.number - 1: max(0.0, min(_BEST, each.score)) for each in answer.scores})


async def rerank_by(hits: Sequence[Hit], question: str, reranker: Reranker, most: int) -> list[Hit]:
    """The same by a cross-encoder. Raises its LLM_* errors."""
    judged = hits[:most]
    if len(judged) < 2:
        return list(hits)
    scores, _ = await reranker.judge(question, [f"{hit.title}\n{clip_tokens(hit.chunk.text, _TOKENS)}" for hit in judged])
    return _by_scores(hits, len(judged), dict(enumerate(scores)))


def not_judged(hits: Sequence[Hit], most: int, reason: Code) -> list[Hit]:
    """The hits as they stood, those that were to be judged with a word of why they were not."""
    note = f"not judged by a model: {reason.value}"
    return [msgspec.structs.replace(hit, explanation=(*hit.explanation, note)) if place < most else hit for place, hit in enumerate(hits)]


def _by_scores(hits: Sequence[Hit], most: int, scores: Mapping[int, float]) -> list[Hit]:
    """The first `most` hits by their scores, by place; those without one behind."""
    judged, rest = hits[:most], hits[most:]
    order = sorted(range(len(judged)), key=lambda place: -scores.get(place, -1.0))
    # The scores stay where they are, so that the list still falls from its first hit to its last.
    standing = [hit.score for hit in judged]
    return [*(_told(judged[place], scores.get(place), score) for place, score in zip(order, standing, strict=True)), *rest]


def _told(hit: Hit, judged: float | None, score: float) -> Hit:
    if judged is None:
        return msgspec.structs.replace(hit, score=score)
    why = msgspec.structs.replace(hit.why, rerank=judged)
    return msgspec.structs.replace(hit, score=score, why=why, explanation=(*hit.explanation, f"judged {judged:.3g} of 10 by a model"))
