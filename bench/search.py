"""How long a hybrid search takes at 100,000 chunks of one tenant among three, beside the engine's bare query.

Run it with `python -m bench.search [chunks] [folder]`; a folder is filled once, and measured again in the next run.
"""

import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import qdrant_edge

from backend.adapters.offline.embed import HashingEmbedder
from backend.core.ids import document_id, point_id
from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Filters, Makers, Point, Query
from backend.core.ports.services import Policy
from backend.core.ports.vectors import VectorIndex
from backend.core.retrieve import search as searching
from backend.core.retrieve.search import search
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import make_tokenizer
from backend.storage.qdrant import edge as edge_module
from backend.storage.qdrant import engine
from backend.storage.qdrant.edge import EdgeIndexes
from bench.parts import Parts, timed

CHUNKS = 100_000
OTHER_CHUNKS = 5_000
QUERIES = 200
TARGET_P95_MS = 25.0
FIRST = 20
"""So many questions are asked of an index that was just opened, and before anything else is measured."""
# The question's vector is made before, and is in none of them.
PARTS: Parts = {
    "its words": (searching, "question_words"),
    "engine: nearest points": (engine, "nearest"),
    "fusing": (edge_module, "fuse"),
    "engine: reading points": (engine, "read"),
    "points out of records": (edge_module, "to_point"),
    "engine: rarity (beside)": (engine, "best_of_terms"),
    "how firmly they answer": (searching, "support"),
    "hits, without twins": (searching, "without_twins"),
}
EMBEDDER = HashingEmbedder()
ENCODER = SparseEncoder(make_tokenizer("bigram"))
_DOCUMENTS_AT_ONCE = 128
_CHUNKS_PER_DOCUMENT = 2
_NOUNS_TEXT = """로그인 오류 결제 환불 배송 주문 상품 재고 계정 비밀번호 인증 메일 영수증 쿠폰 정산 관리자 화면 버튼 앱 설정 알림 연동
웹훅 토큰 권한 주소 카드 승인 취소"""
_ENDINGS_TEXT = "에서 이 가 을 를 은 는 의 도 에 으로 까지 부터"
_VERBS_TEXT = "발생했습니다 되지 반복됩니다 확인해 변경하고 삭제했는데 표시됩니다 실패합니다 느려요 끊겨요 안돼요 사라졌습니다"
_WORDS_TEXT = "login error payment refund shipping order product account password token webhook invoice coupon settings device screen"
_NOUNS, _ENDINGS, _VERBS, _WORDS = (text.split() for text in (_NOUNS_TEXT, _ENDINGS_TEXT, _VERBS_TEXT, _WORDS_TEXT))


def _text(rng: random.Random) -> str:
    """Some 400 characters in the manner of a ticket: frequent words, rare names and codes, two languages."""
    words: list[str] = []
    while len(words) < 60:
        kind = rng.random()
        if kind < 0.45:
            words.append(rng.choice(_NOUNS) + rng.choice(_ENDINGS))
        elif kind < 0.6:
            words.append(rng.choice(_VERBS))
        elif kind < 0.75:
            words.append(rng.choice(_WORDS))
        elif kind < 0.8:
            words.append(f"ERR-{rng.randint(1000, 9999)}")
        else:
            words.append("".join(chr(0xAC00 + int(rng.paretovariate(0.6)) % 3000) for _ in range(rng.randint(2, 4))))
    return " ".join(words)


def question(rng: random.Random) -> str:
    """What somebody asks."""
    words = [rng.choice(_NOUNS), rng.choice(_NOUNS) + rng.choice(_ENDINGS), rng.choice(_WORDS), rng.choice(_VERBS)]
    return " ".join([*words, f"ERR-{rng.randint(1000, 9999)}"])


async def _documents(company_id: str, chunks: int, encoder: SparseEncoder, embedder: HashingEmbedder) -> Any:
    rng = random.Random(company_id)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, chunks // _CHUNKS_PER_DOCUMENT, _DOCUMENTS_AT_ONCE):
        owners, points = [], []
        for number in range(first, min(first + _DOCUMENTS_AT_ONCE, chunks // _CHUNKS_PER_DOCUMENT)):
            owner = document_id(company_id, "freshdesk", "ticket", str(number))
            owners.append(owner)
            texts = [_text(rng) for _ in range(_CHUNKS_PER_DOCUMENT)]
            vectors, _ = await embedder.embed(texts, Purpose.EMBED_DOCUMENT)
            visibility = Visibility.INTERNAL if number % 10 == 0 else Visibility.CONVERSATION
            for ordinal, (text, dense) in enumerate(zip(texts, vectors, strict=True)):
                chunk = Chunk(document_id=owner, ordinal=ordinal, kind="body", text=text, lexical="", visibility=visibility)
                points.append(
                    Point(
                        point_id=point_id(owner, ordinal),
                        chunk=chunk,
                        dense=dense,
                        sparse=encoder.document(text),
                        doc_type=DocType.TICKET,
                        platform="freshdesk",
                        original_id=str(number),
                        title=text[:40],
                        status="resolved",
                        product=None,
                        tags=("billing", "환불"),
                        language="ko",
                        url=None,
                        updated_at=start + timedelta(minutes=number),
                    )
                )
        yield owners, points


async def fill(index: VectorIndex, company_id: str, chunks: int, encoder: SparseEncoder, embedder: HashingEmbedder) -> dict[str, float]:
    """Write so many chunks of a tenant; how many a second."""
    writing = 0.0
    began = time.perf_counter()
    async for owners, points in _documents(company_id, chunks, encoder, embedder):
        before = time.perf_counter()
        await index.replace(owners, points)
        writing += time.perf_counter() - before
    total = time.perf_counter() - began
    return {"points_per_second": chunks / writing, "with_vectors_per_second": chunks / total}


async def _timed(call: Callable[[str], Awaitable[object]], questions: list[str]) -> dict[str, float]:
    for question in questions[:FIRST]:
        await call(question)
    return await _asked(call, questions)


async def _asked(call: Callable[[str], Awaitable[object]], questions: list[str]) -> dict[str, float]:
    took = []
    for question in questions:
        began = time.perf_counter()
        await call(question)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return {"mean_ms": sum(took) / len(took), "p50_ms": took[len(took) // 2], "p95_ms": took[int(len(took) * 0.95)]}


async def _in_parts(call: Callable[[str], Awaitable[object]], questions: list[str]) -> dict[str, float]:
    """Milliseconds of a question by part, on average, and all of them."""
    with timed(PARTS) as spent:
        whole = await _timed(call, questions)
    asked = FIRST + len(questions)
    return {**{name: spent[name] * 1000 / asked for name in PARTS}, "all, timed": whole["mean_ms"]}


def _floor(indexes: EdgeIndexes, company_id: str, encoder: SparseEncoder, embedder: HashingEmbedder) -> Callable[[str], Awaitable[object]]:
    """The engine alone: the same two vectors, ten ids back, no payloads, no filter, none of our code around it."""
    edge: Any = qdrant_edge

    async def bare(question: str) -> object:
        dense = (await embedder.embed([question], Purpose.EMBED_QUERY))[0][0]
        sparse = encoder.query(question)
        quantization = edge.QuantizationSearchParams(rescore=True, oversampling=4.0)
        near = edge.Query.Nearest(dense, using="dense")
        terms = edge.Query.Nearest(edge.SparseVector(list(sparse.indices), list(sparse.values)), using="sparse")
        prefetches = [
            edge.Prefetch(limit=80, query=near, params=edge.SearchParams(quantization=quantization)),
            edge.Prefetch(limit=80, query=terms),
        ]
        request = edge.QueryRequest(limit=10, query=edge.Fusion.Rrf(k=60, weights=[1.0, 1.0]), prefetches=prefetches)
        with indexes.shards.lease((company_id, indexes.makers)) as opened:
            assert opened is not None
            return opened.shard.query(request)

    return bare


def _asking(index: VectorIndex, dense_weight: float, chosen: Filters) -> Callable[[str], Awaitable[object]]:
    policy = Policy(dense_weight=dense_weight)

    async def asked(text: str) -> object:
        dense = (await EMBEDDER.embed([text], Purpose.EMBED_QUERY))[0][0] if dense_weight else None
        return await search(Query(text=text, filters=chosen), index=index, dense=dense, encoder=ENCODER, policy=policy)

    return asked


async def measured(indexes: EdgeIndexes, questions: list[str]) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Times by kind of search and by part of a hybrid one; the index was just opened."""
    visible = tuple(visibility for visibility in Visibility if visibility is not Visibility.INTERNAL)
    filters = Filters(visibilities=visible, exclude_documents=(document_id("acme", "freshdesk", "ticket", "1"),))
    index = await indexes.open("acme")
    rows = {
        "search, hybrid, the first after a start": await _asked(_asking(index, 1.0, Filters()), questions[:FIRST]),
        "engine alone, hybrid": await _timed(_floor(indexes, "acme", ENCODER, EMBEDDER), questions),
        "search, hybrid": await _timed(_asking(index, 1.0, Filters()), questions),
        "search, hybrid, filtered": await _timed(_asking(index, 1.0, filters), questions),
        "search, terms only (offline default)": await _timed(_asking(index, 0.0, Filters()), questions),
        "search, terms only, filtered": await _timed(_asking(index, 0.0, filters), questions),
    }
    return rows, await _in_parts(_asking(index, 1.0, Filters()), questions)


async def main(chunks: int = CHUNKS, kept: Path | None = None) -> dict[str, Any]:
    """Fill three tenants, start again, measure, print a table; times in milliseconds. A `kept` folder is filled once and used again."""
    rng = random.Random(7)
    questions = [question(rng) for _ in range(QUERIES)]
    makers = Makers(provider=EMBEDDER.provider, model=EMBEDDER.model, dimension=EMBEDDER.dimension, encoder=ENCODER.id)
    with tempfile.TemporaryDirectory() as folder:
        root = kept or Path(folder)
        filled = {}
        if not (root / "acme").exists():
            indexes = EdgeIndexes(root, makers)
            for other in ("globex", "initech"):
                await fill(await indexes.open(other), other, min(OTHER_CHUNKS, chunks), ENCODER, EMBEDDER)
            filled = await fill(await indexes.open("acme"), "acme", chunks, ENCODER, EMBEDDER)
            await indexes.close()
        indexes = EdgeIndexes(root, makers)
        rows, parts = await measured(indexes, questions)
        await indexes.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for line in _table(chunks, rows, parts, filled):
        print(line)
    print(f"peak memory {memory:,.0f} MB")
    met = max(rows[name]["p95_ms"] for name in ("search, hybrid", "search, hybrid, filtered")) <= TARGET_P95_MS
    return {"name": "search", "chunks": chunks, "rows": rows, "parts": parts, "filling": filled, "memory_mb": memory, "target_met": met}


def _table(chunks: int, rows: dict[str, dict[str, float]], parts: dict[str, float], filled: dict[str, float]) -> Iterator[str]:
    yield f"{chunks:,} chunks of one tenant among three, {QUERIES} questions; target: hybrid p95, filtered too, <= {TARGET_P95_MS:.0f} ms"
    yield f"{'':41}{'p50 ms':>10}{'p95 ms':>10}"
    for name, row in rows.items():
        yield f"{name:41}{row['p50_ms']:10.1f}{row['p95_ms']:10.1f}"
    yield f"a hybrid search by part{'mean ms':>28}"
    for name, mean in parts.items():
        yield f"  {name:39}{mean:10.2f}"
    if filled:
        yield f"written {filled['points_per_second']:,.0f} points/s; with terms and vectors made {filled['with_vectors_per_second']:,.0f}"


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else CHUNKS, Path(sys.argv[2]) if len(sys.argv) > 2 else None))
