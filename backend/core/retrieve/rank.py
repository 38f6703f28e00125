"""Put found Documents in the order people found helpful: small, bounded, explained.

thumb -> vote      latest of each caller, halved every 90 days, counted as far as its question resembles this one
votes -> change    mean vote, smoothed by three neutral ones, times at most 15 % of the score
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from backend.core.model.document import DocType
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.search import Hit
from backend.core.text.tokens import BigramTokenizer

_LIMIT = 0.15
_NEUTRAL_VOTES = 3.0
_HALF_LIFE = timedelta(days=90)
# A thumb that was given without a question (beside a ticket, say) tells a little about every question.
_WITHOUT_QUESTION = 0.25
_LEAST_RESEMBLANCE = 0.2
_RESOLVED = 0.01
_RESOLVED_STATUSES = frozenset({"resolved", "closed"})
_TOKENIZER = BigramTokenizer()


def rank(hits: Sequence[Hit], feedback: Sequence[Feedback], *, now: datetime, query: str) -> list[Hit]:
    """Hits by their score after feedback, best first; each change of a score is told in its explanation."""
    votes = _latest(feedback)
    terms = frozenset(_TOKENIZER.terms(query))
    ranked = [_adjusted(hit, votes.get(hit.document_id, ()), now=now, terms=terms) for hit in hits]
    return sorted(ranked, key=lambda hit: hit.score, reverse=True)


def _latest(feedback: Iterable[Feedback]) -> dict[str, list[Feedback]]:
    """By Document, the last word of each caller; who took a thumb back has no vote."""
    last: dict[tuple[str, str], Feedback] = {}
    for given in sorted(feedback, key=lambda one: one.at):
        if given.document_id is not None:
            last[given.document_id, given.caller] = given
    votes: dict[str, list[Feedback]] = {}
    for (document_id, _), given in last.items():
        if given.rating is not Rating.NONE:
            votes.setdefault(document_id, []).append(given)
    return votes


def _adjusted(hit: Hit, votes: Sequence[Feedback], *, now: datetime, terms: frozenset[str]) -> Hit:
    told = list(hit.explanation)
    factor = 1.0
    weights = [(_weight(vote, now, terms), vote.rating) for vote in votes]
    counted = [(weight, rating) for weight, rating in weights if weight > 0]
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


def _weight(vote: Feedback, now: datetime, terms: frozenset[str]) -> float:
    """How much a vote counts here and now: 0 to 1."""
    age = max(now - vote.at, timedelta())
    decay = float(0.5 ** (age / _HALF_LIFE))
    return decay * _resemblance(vote.query, terms)


def _resemblance(question: str, terms: frozenset[str]) -> float:
    """Share of terms two questions have in common (Dice); too little in common is another subject."""
    other = frozenset(_TOKENIZER.terms(question))
    if not other or not terms:
        return _WITHOUT_QUESTION
    share = 2 * len(other & terms) / (len(other) + len(terms))
    return share if share >= _LEAST_RESEMBLANCE else 0.0
