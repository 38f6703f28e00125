"""What thumbs do to the order: little, bounded, told."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.search import Hit
from backend.core.retrieve.rank import question_tokens, rank

NOW = datetime(2026, 6, 1, tzinfo=UTC)
QUESTION = "로그인 오류가 반복됩니다"


def _hit(document_id: str, score: float, doc_type: DocType = DocType.ARTICLE, status: str | None = None) -> Hit:
    chunk = Chunk(document_id=document_id, ordinal=0, kind="body", text=document_id, lexical="", visibility=Visibility.PUBLIC)
    return Hit(
        document_id=document_id,
        doc_type=doc_type,
        platform="freshdesk",
        original_id=document_id,
        title=document_id,
        url=None,
        status=status,
        language="ko",
        updated_at=NOW,
        chunk=chunk,
        score=score,
        coverage=1.0,
    )


def _vote(document_id: str, rating: Rating = Rating.UP, *, caller: str = "key:1", query: str = QUESTION, days: float = 0) -> Feedback:
    at = NOW - timedelta(days=days)
    return Feedback(feedback_id=f"{caller}{at}", caller=caller, document_id=document_id, query=query, rating=rating, at=at)


def _score(*votes: Feedback, query: str = QUESTION) -> float:
    return rank([_hit("a", 1.0)], votes, now=NOW, query=query)[0].score


def test_without_feedback_nothing_changes() -> None:
    hits = [_hit("a", 0.016), _hit("b", 0.015)]
    assert rank(hits, [], now=NOW, query=QUESTION) == hits
    assert rank([], [_vote("a")], now=NOW, query=QUESTION) == []


def test_thumbs_move_a_hit_and_say_so() -> None:
    votes = [_vote("b", caller=f"key:{number}") for number in range(3)]
    first, second = rank([_hit("a", 1.0), _hit("b", 0.95)], votes, now=NOW, query=QUESTION)
    assert (first.document_id, second.document_id) == ("b", "a")
    # Three votes against three neutral ones: half of 15 %.
    assert first.score == pytest.approx(0.95 * 1.075)
    assert first.explanation == ("+0.07 from 3 agents",)


def test_no_number_of_thumbs_moves_more_than_the_limit() -> None:
    up = [_vote("a", caller=f"key:{number}") for number in range(1_000)]
    down = [_vote("a", Rating.DOWN, caller=f"key:{number}") for number in range(1_000)]
    assert 1.14 < _score(*up) <= 1.15
    assert 0.85 <= _score(*down) < 0.86


def test_a_caller_has_one_vote_the_latest() -> None:
    one = _score(_vote("a"))
    assert _score(*[_vote("a", days=0) for _ in range(50)]) == one
    assert _score(_vote("a", days=2), _vote("a", Rating.DOWN, days=1)) < 1.0
    assert _score(_vote("a", days=2), _vote("a", Rating.NONE, days=1)) == 1.0
    assert _score(_vote("a", Rating.NONE, days=2), _vote("a", days=0)) == one


def test_old_votes_fade() -> None:
    assert 1.0 < _score(_vote("a", days=900)) < _score(_vote("a", days=90)) < _score(_vote("a"))
    assert _score(_vote("a", days=-1)) == _score(_vote("a"))


def test_a_vote_counts_for_questions_like_its_own() -> None:
    same = _score(_vote("a"))
    alike = _score(_vote("a", query="로그인 오류 SSO"))
    general = _score(_vote("a", query=""))
    assert same > alike > general > 1.0
    assert _score(_vote("a", query="환불 영수증 발급")) == 1.0


def test_votes_on_answers_and_other_documents_do_not_count() -> None:
    answer = Feedback(feedback_id="f", caller="key:1", answer_id="ans_1", rating=Rating.UP, at=NOW)
    assert _score(answer, _vote("b")) == 1.0


def test_a_vote_on_an_answer_counts_half_for_what_it_cites_and_gives_way_to_an_own_word() -> None:
    of_answer = msgspec.structs.replace(_vote("a"), answer_id="ans", of_answer=True)
    assert 1.0 < _score(of_answer) < _score(_vote("a"))
    own = _vote("a", Rating.DOWN, days=1)
    assert _score(own, of_answer) == pytest.approx(_score(own)), "whichever came later"


def test_a_resolved_ticket_goes_before_an_open_one_of_the_same_score() -> None:
    hits = [_hit("open", 1.0, DocType.TICKET, "open"), _hit("done", 1.0, DocType.TICKET, "resolved")]
    assert [hit.document_id for hit in rank(hits, [], now=NOW, query=QUESTION)] == ["done", "open"]


def test_of_a_caller_the_vote_for_the_question_most_like_this_one_counts() -> None:
    other = "환불 영수증 발급"
    up_here = _score(_vote("a"), _vote("a", Rating.DOWN, query=other))
    assert up_here == _score(_vote("a"))
    assert _score(_vote("a"), _vote("a", Rating.DOWN, query=other), query=other) < 1.0
    many = [_vote("a", query=f"{QUESTION} {number}") for number in range(50)]
    assert _score(*many) <= 1.0375


def test_rare_words_make_questions_alike() -> None:
    vote = _vote("a", query="로그인 화면에서 SSO-4012 코드가 표시됩니다")
    common = "배송 화면에서 주소가 표시됩니다"
    tokens = question_tokens(common, [vote])
    frequent = question_tokens("화면에서 표시됩니다", [])
    rare = {token: 0.1 if token in frequent else 6.0 for token in tokens}
    assert rank([_hit("a", 1.0)], [vote], now=NOW, query=common)[0].score > 1.0
    assert rank([_hit("a", 1.0)], [vote], now=NOW, query=common, rarity=rare)[0].score == 1.0


def test_age_takes_a_little_and_says_so_where_it_is_wanted() -> None:
    old = msgspec.structs.replace(_hit("old", 1.0), updated_at=NOW - timedelta(days=180))
    new = _hit("new", 0.9)
    assert [hit.document_id for hit in rank([old, new], [], now=NOW, query=QUESTION)] == ["old", "new"]
    first, second = rank([old, new], [], now=NOW, query=QUESTION, half_life_days=180)
    assert (first, second.document_id) == (new, "old")
    assert second.score == pytest.approx(0.85)
    assert second.why.recency == pytest.approx(-0.15)
    assert second.explanation == ("-0.15 because it last changed 180 days ago",)
    ancient = msgspec.structs.replace(old, updated_at=NOW - timedelta(days=40_000))
    assert rank([ancient], [], now=NOW, query=QUESTION, half_life_days=1)[0].score == pytest.approx(0.7)
