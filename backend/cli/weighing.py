"""Asking a running Desklore judged questions with other weights, to find those of each language."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from backend.cli.errors import CliError
from backend.cli.session import Session
from backend.core.retrieve.judged import JudgedQuery, Qrels, document_name
from backend.core.retrieve.language_weights import TRIED, Weighed, choosing_half, weigh
from backend.core.retrieve.measure import ndcg
from backend.core.text.language import detect_language

_DEPTH: Final = 10


def weighed(session: Session, queries: Sequence[JudgedQuery], qrels: Qrels, *, seed: int) -> list[Weighed]:
    """What each language's weights should be; none where no dense vectors are made. The tenant's own weights are left as they are."""
    judged = [query for query in queries if query.query_id in qrels]
    try:
        values = {weights: _values(session, judged, qrels, msgspec.structs.asdict(weights)) for weights in TRIED}
    except CliError as error:
        if error.code != "invalid_request":
            raise
        return []
    in_force = _values(session, judged, qrels, {})
    splits = {query.query_id: query.metadata.get("split") or "" for query in judged}
    found = []
    for language, ids in sorted(_by_language(judged).items()):
        own = {query_id: in_force[query_id] for query_id in ids}
        found.append(weigh(language, values, own, choosing_half(ids, splits), seed=seed))
    return found


def in_force_with(session: Session, found: Sequence[Weighed]) -> dict[str, dict[str, float]]:
    """The tenant's weights by language, with those that were proven in the place of older ones."""
    now: dict[str, dict[str, float]] = session.client.get("/search/calibration")["weights"]
    return now | {one.language: msgspec.structs.asdict(one.chosen) for one in found if one.proven}


def tell_weighed(session: Session, found: Sequence[Weighed]) -> None:
    """A line a language: the weights, what they do on questions that did not choose them, and what follows."""
    if found:
        session.output.text("\nWeights by language, chosen on one half and checked on the other (nDCG@10 against those in force)")
    for one in found:
        low, high = one.check.difference.low * 100, one.check.difference.high * 100
        verdict = "better, and not by chance" if one.proven else "not proven: left as it is"
        session.output.text(
            f"  {one.language:3} meaning {one.chosen.dense:g}, words {one.chosen.sparse:g}: "
            f"{one.check.difference.mean * 100:+.1f} [{low:+.1f} to {high:+.1f}] on {one.questions} questions; {verdict}"
        )


def _values(session: Session, judged: Sequence[JudgedQuery], qrels: Qrels, weights: Mapping[str, float]) -> dict[str, float]:
    """nDCG@10 by question with these weights; without any, with those in force."""
    ranking: dict[str, Any] = {f"{name}_weight": value for name, value in weights.items()}
    values = {}
    for query in judged:
        body = {"query": query.text, "top_k": _DEPTH, "ranking": ranking | {"feedback": False}}
        found = session.client.post("/search", body)
        ranked = [document_name(hit["doc_type"], hit["original_id"]) for hit in found["hits"]]
        values[query.query_id] = ndcg(ranked, qrels[query.query_id])
    return values


def _by_language(judged: Sequence[JudgedQuery]) -> dict[str, list[str]]:
    """Ids of the questions by the language that a search takes them for."""
    found: dict[str, list[str]] = defaultdict(list)
    for query in judged:
        if language := detect_language(query.text):
            found[language].append(query.query_id)
    return found
