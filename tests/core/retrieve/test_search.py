"""Search over a real index: Korean with and without particles, English, paging, twins, and not knowing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.offline.embed import HashingEmbedder
from backend.core.ids import document_id, point_id
from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Filters, Makers, Point, Query, SearchResult
from backend.core.ports.services import Policy
from backend.core.ports.vectors import VectorIndex
from backend.core.retrieve.search import search
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import BigramTokenizer
from backend.storage.qdrant.edge import EdgeIndexes

ENCODER = SparseEncoder(BigramTokenizer())
EMBEDDER = HashingEmbedder(64)
TICKETS = {
    "login": ("로그인에서 오류가 발생했습니다", "비밀번호를 입력하면 SSO-4012 코드가 표시되고 화면이 되돌아갑니다"),
    "refund": ("환불 영수증 요청", "지난주에 취소한 주문의 환불 영수증을 발급해 주세요"),
    "crash": ("앱이 자꾸 종료됩니다", "사진을 첨부하면 앱이 멈추고 종료됩니다"),
    "webhook": ("Webhook signature does not match", "We rotated the secret and deliveries are rejected since"),
    "invoice": ("Invoice shows the wrong company name", "Please change the billing address printed on our invoices"),
    "invite": ("Invited teammates never get the mail", "The invitation mails to new members do not arrive"),
}


def _points(name: str, title: str, text: str, *, visibility: Visibility = Visibility.CONVERSATION) -> list[Point]:
    owner = document_id("acme", "freshdesk", "ticket", name)
    chunks = [("problem", f"{title}\n{text}"), ("solution", f"{title} 해결 안내")]
    return [
        Point(
            point_id=point_id(owner, ordinal),
            chunk=Chunk(document_id=owner, ordinal=ordinal, kind=kind, text=body, lexical=body, visibility=visibility),
            dense=EMBEDDER._vector(body),
            sparse=ENCODER.document(body),
            doc_type=DocType.TICKET,
            platform="freshdesk",
            original_id=name,
            title=title,
            status="resolved",
            product=None,
            tags=(),
            language="ko",
            url=None,
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for ordinal, (kind, body) in enumerate(chunks)
    ]


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[VectorIndex]:
    indexes = EdgeIndexes(tmp_path, Makers(provider="offline", model=EMBEDDER.model, dimension=EMBEDDER.dimension, encoder="test"))
    opened = await indexes.open("acme")
    points = [point for name, (title, text) in TICKETS.items() for point in _points(name, title, text)]
    await opened.replace([], points)
    yield opened
    await indexes.close()


async def ask(index: VectorIndex, text: str, *, dense_weight: float = 0.0, **options: Any) -> SearchResult:
    query = Query(text=text, **options)
    dense = (await EMBEDDER.embed([text], Purpose.EMBED_QUERY))[0][0] if dense_weight and text.strip() else None
    return await search(query, index=index, dense=dense, encoder=ENCODER, policy=Policy(dense_weight=dense_weight))


@pytest.mark.parametrize("dense_weight", [0.0, 1.0])
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("로그인 오류", "login"),
        ("로그인에서 자꾸 오류가 나요", "login"),
        ("SSO-4012", "login"),
        ("환불 영수증", "refund"),
        ("환불에 대한 영수증을 받고 싶습니다", "refund"),
        ("앱 종료", "crash"),
        ("webhook signatures are rejected", "webhook"),
        ("wrong name on the invoice", "invoice"),
    ],
)
async def test_questions_find_their_ticket(index: VectorIndex, question: str, expected: str, dense_weight: float) -> None:
    result = await ask(index, question, dense_weight=dense_weight)
    assert result.hits[0].original_id == expected
    assert result.answerable


@pytest.mark.parametrize(
    "question", ["김치찌개 끓이는 법 알려줘", "how do I bake sourdough bread?", "asdkjh qwe zxc", "ㅁㄴㅇㄹ", "", "?!"]
)
async def test_a_question_from_elsewhere_is_not_answered(index: VectorIndex, question: str) -> None:
    assert not (await ask(index, question)).answerable


async def test_hits_explain_themselves(index: VectorIndex) -> None:
    hit = (await ask(index, "로그인 오류 코드 zzzz")).hits[0]
    assert hit.explanation[0] == "3 of 4 words of the question matched"
    assert 0.3 < hit.coverage < 1.0
    assert len(hit.other_chunks) == 1
    assert hit.chunk.kind == "problem"


async def test_documents_come_once_and_page_by_page(index: VectorIndex) -> None:
    question = "로그인 환불 앱 종료 webhook invoice mail 오류 영수증"
    everything = [hit.original_id for hit in (await ask(index, question)).hits]
    assert len(everything) == len(set(everything)) == 6
    pages = [(await ask(index, question, top_k=2, offset=offset)).hits for offset in (0, 2, 4, 6)]
    assert [hit.original_id for page in pages for hit in page] == everything


async def test_twins_are_shown_once(index: VectorIndex) -> None:
    title, text = TICKETS["login"]
    await index.replace([], _points("login-again", title, text))
    found = [hit.original_id for hit in (await ask(index, "로그인 오류")).hits]
    assert len({"login", "login-again"} & set(found)) == 1


async def test_filters_hold(index: VectorIndex) -> None:
    await index.replace([], _points("note", "로그인 오류 메모", "내부 확인용", visibility=Visibility.INTERNAL))
    safe = Filters(visibilities=(Visibility.PUBLIC, Visibility.RESTRICTED, Visibility.CONVERSATION))
    assert "note" in [hit.original_id for hit in (await ask(index, "로그인 오류")).hits]
    assert "note" not in [hit.original_id for hit in (await ask(index, "로그인 오류", filters=safe)).hits]


async def test_near_meaning_answers_without_common_words(index: VectorIndex) -> None:
    vectors, _ = await EMBEDDER.embed(["\n".join(TICKETS["login"])], Purpose.EMBED_QUERY)
    policy = Policy(dense_weight=1.0, answer_min_cosine=0.8)
    result = await search(Query(text="cannot authenticate"), index=index, dense=vectors[0], encoder=ENCODER, policy=policy)
    assert result.hits[0].original_id == "login"
    assert result.answerable
    assert any(told.startswith("meaning is near") for told in result.hits[0].explanation)
