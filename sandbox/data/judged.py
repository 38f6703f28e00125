"""The judged questions about the sandbox's data: hand-written questions by problem, and grades that follow from the truth.

A document is named `ticket:<id>` or `article:<id>`. Grades: 3 the article that solves the problem, 2 a ticket about it in
which an agent told the solution, 1 a ticket about it that is not solved (yet).
"""

import json
from pathlib import Path
from typing import Any

from sandbox.data.account import Account

FOLDER = Path(__file__).resolve().parent.parent / "eval"
QUERIES = FOLDER / "queries.jsonl"
QRELS = FOLDER / "qrels.tsv"

ARTICLE, SOLVED, UNSOLVED = 3, 2, 1
_TOLD = frozenset({"solved", "quick", "long_solved", "conversation", "monitor"})


def questions() -> list[dict[str, Any]]:
    """The hand-written questions: `_id`, `text` and, in `metadata`, language, split and problem (none: out of scope)."""
    return [json.loads(line) for line in QUERIES.read_text(encoding="utf-8").splitlines()]


def grades(account: Account) -> dict[str, dict[str, int]]:
    """By question, the grade of every document of its problem; questions out of scope have none."""
    by_problem: dict[str, dict[str, int]] = {}
    for judgement in account.judgements():
        of_problem = {f"article:{number}": ARTICLE for number in judgement.article_ids}
        for number in judgement.ticket_ids:
            ticket = account.tickets[number]
            told = ticket.flow in _TOLD and ticket.resolved_at is not None
            of_problem[f"ticket:{number}"] = SOLVED if told else UNSOLVED
        by_problem[judgement.problem_key] = of_problem
    return {one["_id"]: by_problem[one["metadata"]["problem"]] for one in questions() if one["metadata"]["problem"]}


def qrels(account: Account) -> str:
    """The judgements as BEIR's file of three columns."""
    rows = [f"{query}\t{document}\t{grade}" for query, of_query in grades(account).items() for document, grade in of_query.items()]
    return "\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n"
