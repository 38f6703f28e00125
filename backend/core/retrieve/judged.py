"""Judged queries in the files of BEIR and TREC: `queries.jsonl`, `qrels.tsv`, and run files.

queries.jsonl   {"_id": "q1", "text": "...", "metadata": {"language": "ko", "split": "test"}}   one a line
qrels.tsv       query-id<TAB>corpus-id<TAB>score    with that header (BEIR), or TREC's `query 0 document grade`
run             query Q0 document rank score tag    (TREC)

A document is named `<doc_type>:<id on its platform>`, so that the same judgements fit every installation of the data.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct, field

from backend.core.errors import AppError, Code

Qrels = dict[str, dict[str, int]]
"""Grades by query and document; 0 is not relevant."""

QRELS_HEADER: Final = "query-id\tcorpus-id\tscore"


class JudgedQuery(Struct, frozen=True, kw_only=True):
    """A question of a judged set."""

    query_id: str = field(name="_id")
    text: str
    metadata: dict[str, str | None] = {}
    """Free; `language` and `split` are what an evaluation can be narrowed by."""


def document_name(doc_type: str, original_id: str) -> str:
    """How judgements name a document."""
    return f"{doc_type}:{original_id}"


def read_queries(text: str) -> list[JudgedQuery]:
    """The queries of a BEIR `queries.jsonl`. Raises INVALID_REQUEST naming the line that can't be read."""
    queries = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                queries.append(msgspec.json.decode(line, type=JudgedQuery))
            except msgspec.DecodeError as error:
                raise AppError(Code.INVALID_REQUEST, f"Line {number} of the queries is no query: {error}.") from None
    return queries


def read_qrels(text: str) -> Qrels:
    """Judgements in BEIR's three columns or TREC's four. Raises INVALID_REQUEST naming the line that can't be read."""
    qrels: Qrels = {}
    for number, line in enumerate(text.splitlines(), 1):
        columns = line.split("\t") if "\t" in line else line.split()
        if not columns or line.strip() == QRELS_HEADER:
            continue
        if len(columns) == 4:
            del columns[1]
        try:
            query_id, document, grade = columns
            qrels.setdefault(query_id, {})[document] = int(grade)
        except ValueError:
            raise AppError(Code.INVALID_REQUEST, f"Line {number} of the judgements is not `query document grade`.") from None
    return qrels


def run_lines(query_id: str, ranked: Sequence[tuple[str, float]], tag: str) -> Iterator[str]:
    """The lines of a TREC run for one query: documents with their scores, best first."""
    for rank, (document, score) in enumerate(ranked, 1):
        yield f"{query_id} Q0 {document} {rank} {score:.6f} {tag}\n"
