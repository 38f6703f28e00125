"""Put found Documents in the order people found helpful: small, bounded, explained.

thumb -> vote      one of each caller, halved every 90 days, counted as far as its question resembles this one;
                   one on a whole answer counts half for what the answer cites
votes -> change    mean vote, smoothed by three neutral ones, times at most 15 % of the score
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from backend.core.model.document import DocType
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.search import Hit
from backend.core.text.sparse import token_id
from backend.core.text.tokens import BigramTokenizer

_LIMIT = 0.15
_NEUTRAL_VOTES = 3.0
_HALF_LIFE = timedelta(days=90)
# A thumb that was given without a question (beside a ticket, say) tells a little about every question.
_WITHOUT_QUESTION = 0.25
# A wrong answer may rest on right sources, and a right one on one of several.
_OF_ANSWER = 0.5
_LEAST_RESEMBLANCE = 0.2
_RESOLVED = 0.01
# What age can take from a score in the end, and from where on it is told.
_OLDEST = 0.3
_TOLD_FROM = 0.005
_RESOLVED_STATUSES = frozenset({"resolved", "closed"})
_TOKENIZER = BigramTokenizer()


Rarity = Mapping[int, float]
"""Inverse document frequency by token; a token that is not in it weighs as the rarest that is."""


def rank(
    hits: Sequence[Hit],
    feedback: Sequence[Feedback],
    *,
    now: datetime,
    query: str,
    rarity: Rarity | None = None,
    half_life_days: float = 0.0,
) -> list[Hit]:
    """Hits by their score after feedback and age, best first; each change of a score is told in its explanation.

    With `rarity` questions resemble each other by the rare words they share, not by how people phrase a question.
    """
    votes = _latest(feedback)
    likeness = _Likeness(query, rarity or {})
    ranked = [_adjusted(hit, votes.get(hit.document_id, ()), now=now, likeness=likeness) for hit in hits]
    if half_life_days > 0:
        ranked = [_aged(hit, now, timedelta(days=half_life_days)) for hit in ranked]
    return sorted(ranked, key=lambda hit: hit.score, reverse=True)


def question_tokens(query: str, feedback: Iterable[Feedback]) -> set[int]:
    """The tokens of this question and of those the thumbs were given for: whose rarity `rank` wants to know."""
    return {token_id(term) for text in {query, *(given.query for given in feedback)} for term in _TOKENIZER.terms(text)}


def _latest(feedback: Iterable[Feedback]) -> dict[str, list[Feedback]]:
    """By Document, the last word of each caller for each question; who took a thumb back has no vote."""
    last: dict[tuple[str, str, str, bool], Feedback] = {}
    for given in sorted(feedback, key=lambda one: one.at):
        if given.document_id is not None:
            last[given.document_id, given.caller, given.query, given.of_answer] = given
    votes: dict[str, list[Feedback]] = {}
    for (document_id, *_), given in last.items():
        if given.rating is not Rating.NONE:
            votes.setdefault(document_id, []).append(given)
    return votes


def _adjusted(hit: Hit, votes: Sequence[Feedback], *, now: datetime, likeness: "_Likeness") -> Hit:
    told = list(hit.explanation)
    factor = 1.0
    counted = _counted(votes, now, likeness)
    if counted:
        net = sum(weight if rating is Rating.UP else -weight for weight, rating in counted)
        change = _LIMIT * net / (sum(weight for weight, _ in counted) + _NEUTRAL_VOTES)
        change = max(-_LIMIT, min(_LIMIT, change))
        factor += change
        hit = msgspec.structs.replace(hit, why=msgspec.structs.replace(hit.why, feedback=round(change, 4), votes=len(counted)))
        told.append(f"{change:+.2f} from {len(counted)} {'agent' if len(counted) == 1 else 'agents'}")
    if hit.doc_type is DocType.TICKET and hit.status in _RESOLVED_STATUSES:
        factor += _RESOLVED
        told.append(f"{_RESOLVED:+.2f} because the ticket was resolved")
    return msgspec.structs.replace(hit, score=hit.score * factor, explanation=tuple(told))


def _aged(hit: Hit, now: datetime, half_life: timedelta) -> Hit:
    """An old answer is not a wrong one: however old, most of its score stays."""
    age = max(now - hit.updated_at, timedelta())
    loss = _OLDEST * (1 - float(0.5 ** (age / half_life)))
    if loss < _TOLD_FROM:
        return hit
    why = msgspec.structs.replace(hit.why, recency=-round(loss, 4))
    told = f"-{loss:.2f} because it last changed {age.days} days ago"
    return msgspec.structs.replace(hit, score=hit.score * (1 - loss), why=why, explanation=(*hit.explanation, told))


def _counted(votes: Sequence[Feedback], now: datetime, likeness: "_Likeness") -> list[tuple[float, Rating]]:
    """One vote a caller, with its weight (0 to 1) here and now: the one for the question most like this one."""
    strongest: dict[str, tuple[float, datetime, Rating]] = {}
    for vote in votes:
        age = max(now - vote.at, timedelta())
        weight = float(0.5 ** (age / _HALF_LIFE)) * likeness.to(vote.query) * (_OF_ANSWER if vote.of_answer else 1.0)
        if weight > 0 and (weight, vote.at) > strongest.get(vote.caller, (0.0, vote.at, vote.rating))[:2]:
            strongest[vote.caller] = (weight, vote.at, vote.rating)
    return [(weight, rating) for weight, _, rating in strongest.values()]


class _Likeness:
    """How much other questions are about the same as one: the cosine of their words, weighted by rarity."""

    def __init__(self, query: str, rarity: Rarity) -> None:
        self._rarity = rarity
        self._rarest = max(rarity.values(), default=1.0)
        self._tokens = self._weighed(query)
        self._known: dict[str, float] = {}

    def to(self, question: str) -> float:
        """0 to 1; too little in common is another subject."""
        if question not in self._known:
            self._known[question] = self._of(question)
        return self._known[question]

    def _of(self, question: str) -> float:
        other = self._weighed(question)
        if not other or not self._tokens:
            return _WITHOUT_QUESTION
        shared = math.fsum(weight for token, weight in other.items() if token in self._tokens)
        share = shared / math.sqrt(math.fsum(other.values()) * math.fsum(self._tokens.values()))
        return share if share >= _LEAST_RESEMBLANCE else 0.0

    def _weighed(self, text: str) -> dict[int, float]:
        """Tokens with the squares of their rarity: the parts of a squared length."""
        return {token: self._rarity.get(token, self._rarest) ** 2 for token in map(token_id, _TOKENIZER.terms(text))}
