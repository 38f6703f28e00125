"""Asking a running Desklore judged questions in each configuration, and what its answers are worth."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from msgspec import Struct

from backend.cli.errors import CliError, Exit
from backend.cli.session import Session
from backend.core.retrieve.calibrate import Thresholds, Told, calibrate, separation
from backend.core.retrieve.judged import JudgedQuery, Qrels, document_name
from backend.core.retrieve.measure import MEASURES, Interval, interval

CONFIGURATIONS: Final[dict[str, dict[str, Any]]] = {
    "dense": {"dense_weight": 1.0, "sparse_weight": 0.0, "feedback": False},
    "sparse": {"dense_weight": 0.0, "sparse_weight": 1.0, "feedback": False},
    "hybrid": {"feedback": False},
    "hybrid+feedback": {},
}
"""What is asked of the search API; a weight left out is as the installation is set."""

_DEPTH: Final = 50
_KEPT: Final = 0.95


class Measured(Struct, kw_only=True):
    """What one configuration did: by measure its value for each question in their order, and the documents it found."""

    name: str
    unavailable: str = ""
    """Why it could not be asked for."""
    count: int = 0
    values: dict[str, list[float]] = {}
    intervals: dict[str, Interval] = {}
    ranked: dict[str, list[tuple[str, float]]] = {}
    told: dict[str, Told] = {}
    """By question, how firmly the best document's words speak for an answer, and the nearest meaning."""
    answerable: dict[str, bool] = {}


class Refusal(Struct, frozen=True, kw_only=True):
    """How well questions the sources answer are told from others."""

    name: str
    inside: int
    outside: int
    kept: float
    """Share of the answerable questions that are answered, as the installation is set."""
    refused: float
    """Share of the others that are refused."""
    at_95: Thresholds
    """What would keep 95 % of the answerable questions."""
    auc: float
    """Of support: how often an answerable question has more of it than another."""


def asked(session: Session, name: str, queries: Sequence[JudgedQuery], qrels: Qrels, *, doc_type: str | None, seed: int) -> Measured:
    """Ask every question in this configuration; those with judgements are measured."""
    measured = Measured(name=name)
    filters = {"doc_types": [doc_type]} if doc_type else {}
    for query in queries:
        body = {"query": query.text, "top_k": _DEPTH, "filters": filters, "ranking": CONFIGURATIONS[name]}
        try:
            found = session.client.post("/search", body)
        except CliError as error:
            if error.code != "invalid_request":
                raise
            return Measured(name=name, unavailable=error.message)
        ranked = [(document_name(hit["doc_type"], hit["original_id"]), float(hit["score"])) for hit in found["hits"]]
        measured.ranked[query.query_id] = ranked
        measured.told[query.query_id] = Told(support=found["support"], cosine=found["cosine"])
        measured.answerable[query.query_id] = found["answerable"]
    judged = [query.query_id for query in queries if query.query_id in qrels]
    measured.count = len(judged)
    for measure, value in MEASURES.items():
        values = [value([name for name, _ in measured.ranked[query_id]], qrels[query_id]) for query_id in judged]
        measured.values[measure] = values
        measured.intervals[measure] = interval(values, seed=seed)
    return measured


def refusals(measured: Sequence[Measured], queries: Sequence[JudgedQuery], qrels: Qrels) -> list[Refusal]:
    """For each configuration how it tells questions with judgements from those without; none where there is but one kind."""
    inside = [query.query_id for query in queries if query.query_id in qrels]
    outside = [query.query_id for query in queries if query.query_id not in qrels]
    if not inside or not outside:
        return []
    return [_refusal(one, inside, outside) for one in measured if one.values]


def _refusal(one: Measured, inside: Sequence[str], outside: Sequence[str]) -> Refusal:
    answered, others = [one.told[query_id] for query_id in inside], [one.told[query_id] for query_id in outside]
    best = calibrate(answered, others, keep=_KEPT)
    return Refusal(
        name=one.name,
        inside=len(inside),
        outside=len(outside),
        kept=sum(one.answerable[query_id] for query_id in inside) / len(inside),
        refused=sum(not one.answerable[query_id] for query_id in outside) / len(outside),
        at_95=best,
        auc=separation([told.support for told in answered], [told.support for told in others]),
    )


def keep(session: Session, refused: Sequence[Refusal], weights: Mapping[str, Mapping[str, float]]) -> None:
    """Make the thresholds that keep 95 %, and these weights by language, the tenant's own.

    Raises CliError where there is nothing to find thresholds with.
    """
    found = next((one for one in refused if one.name == "hybrid"), None)
    if found is None:
        raise CliError(
            Exit.USAGE, "Calibrating needs the configuration hybrid, and questions both with judgements and without.", code="wrong_usage"
        )
    best = found.at_95
    body = {
        "min_support": best.min_support,
        "min_cosine": best.min_cosine,
        "kept": best.kept,
        "refused": best.refused,
        "questions": found.inside + found.outside,
        "weights": weights,
    }
    session.client.call("PUT", "/search/calibration", body=body)


@contextmanager
def thumbs(session: Session, queries: Sequence[JudgedQuery], qrels: Mapping[str, Mapping[str, int]]) -> Iterator[None]:
    """While the block runs, thumbs as the judgements say on what these questions find: up for what is relevant, down for the rest.

    They are the caller's own and are taken back at the end. Other questions than these must be measured: a ranking that
    was told the answer to its own question proves nothing.
    """
    given: list[str] = []
    try:
        for query in queries:
            if grades := qrels.get(query.query_id):
                found = session.client.post("/search", {"query": query.text, "top_k": 10, "ranking": {"feedback": False}})
                for hit in found["hits"]:
                    rating = "up" if grades.get(document_name(hit["doc_type"], hit["original_id"])) else "down"
                    session.client.post("/feedback", {"document_id": hit["document_id"], "query": query.text, "rating": rating})
                    given.append(hit["document_id"])
        yield
    finally:
        for document_id in dict.fromkeys(given):
            session.client.post("/feedback", {"document_id": document_id, "rating": "none"})
