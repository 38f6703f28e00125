"""Files of judged questions, and the set about the sandbox's data."""

import pytest

from backend.core.errors import AppError, Code
from backend.core.retrieve.judged import JudgedQuery, read_qrels, read_queries, run_lines
from sandbox.data import judged
from sandbox.data.account import Account
from sandbox.data.mail import plain
from sandbox.options import DEFAULT_REFERENCE


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(seed=7, tickets=400, reference=DEFAULT_REFERENCE, name="Hanbit Cloud")


def test_queries_of_a_file() -> None:
    queries = [JudgedQuery(query_id="q1", text="비밀번호를 잊었어요", metadata={"language": "ko"}), JudgedQuery(query_id="q2", text="x")]
    text = '{"_id": "q1", "text": "비밀번호를 잊었어요", "metadata": {"language": "ko"}}\n\n{"_id": "q2", "text": "x"}\n'
    assert read_queries(text) == queries
    assert read_queries('{"_id": "a", "text": "t", "unknown": 1}') == [JudgedQuery(query_id="a", text="t")]


def test_judgements_in_three_and_in_four_columns() -> None:
    qrels = {"q1": {"ticket:1": 2, "article:9": 3}, "q2": {"ticket:1": 0}}
    assert read_qrels("query-id\tcorpus-id\tscore\nq1\tticket:1\t2\nq1\tarticle:9\t3\nq2\tticket:1\t0\n") == qrels
    assert read_qrels("q1 0 ticket:1 2\nq1 0 article:9 3\nq2 0 ticket:1 0\n") == qrels


@pytest.mark.parametrize("text", ["q1\tticket:1", "q1\tticket:1\tmany", "q1 0 ticket:1 2 extra"])
def test_a_line_that_is_no_judgement_is_named(text: str) -> None:
    with pytest.raises(AppError, match="Line 1") as refused:
        read_qrels(text)
    assert refused.value.code is Code.INVALID_REQUEST


def test_a_line_that_is_no_query_is_named() -> None:
    with pytest.raises(AppError, match="Line 2"):
        read_queries('{"_id": "a", "text": "t"}\n{"text": "t"}')


def test_a_run_is_what_trec_eval_reads() -> None:
    assert list(run_lines("q1", [("ticket:1", 0.5), ("article:2", 0.25)], "sparse")) == [
        "q1 Q0 ticket:1 1 0.500000 sparse\n",
        "q1 Q0 article:2 2 0.250000 sparse\n",
    ]


def test_the_stored_judgements_are_what_the_data_says(account: Account) -> None:
    assert judged.QRELS.read_text(encoding="utf-8") == judged.qrels(account)


def test_every_problem_is_asked_about_in_both_languages_and_both_splits(account: Account) -> None:
    queries = read_queries(judged.QUERIES.read_text(encoding="utf-8"))
    assert len({query.query_id for query in queries}) == len({query.text for query in queries}) == len(queries)
    kinds = {(one.problem_key, language, split) for one in account.judgements() for language in ("ko", "en") for split in ("dev", "test")}
    asked = {(q.metadata["problem"], q.metadata["language"], q.metadata["split"]) for q in queries if q.metadata["problem"]}
    assert asked == kinds
    for language in ("ko", "en"):
        outside = [query for query in queries if query.metadata["problem"] is None and query.metadata["language"] == language]
        assert len(outside) >= 36


def test_no_question_is_copied_from_the_data(account: Account) -> None:
    told = "\n".join(plain(account.story(number).description) for number in account.tickets)
    shelved = "\n".join(plain(text.body) for article in account.shelf.articles.values() for text in article.texts.values())
    subjects = {ticket.subject for ticket in account.tickets.values()}
    for query in judged.questions():
        assert query["text"] not in told
        assert query["text"] not in shelved
        assert query["text"] not in subjects
