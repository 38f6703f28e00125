"""Points and questions for the suites that compare the implementations of the VectorIndex port."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.core.ids import document_id, point_id
from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Found, Makers, Point, SparseVector, VectorQuery

DIMENSION = 16
MAKERS = Makers(provider="offline", model="hashing-1", dimension=DIMENSION, encoder="bigram-1")
OTHERS = Makers(encoder="kiwi-1")
"""Others, without dense vectors."""
START = datetime(2026, 1, 1, 9, 30, 15, 123456, tzinfo=UTC)
TEXTS = ("로그인에서 오류가 발생했습니다", "결제 영수증을 다시 보내 주세요", "Password reset mail never arrives", "배송지 변경 방법 안내")


def doc(number: int, company_id: str = "acme") -> str:
    """The id of Document number `number`."""
    return document_id(company_id, "freshdesk", "ticket", str(number))


def dense(rng: random.Random) -> list[float]:
    """A random unit vector."""
    values = [rng.gauss(0, 1) for _ in range(DIMENSION)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def sparse(rng: random.Random, most: int = 12) -> SparseVector:
    """Some of 40 tokens with random weights, so that two points never score the same."""
    indices = sorted(rng.sample(range(40), rng.randint(3, most)))
    return SparseVector(tuple(indices), tuple(rng.uniform(0.5, 2.0) for _ in indices))


def points_of(number: int, rng: random.Random, company_id: str = "acme") -> list[Point]:
    """One to four points of a Document, with every field taking several values."""
    owner = doc(number, company_id)
    visibilities = list(Visibility)
    return [
        Point(
            point_id=point_id(owner, ordinal),
            chunk=Chunk(
                document_id=owner,
                ordinal=ordinal,
                kind=("problem", "solution", "body", "note")[ordinal],
                text=f"{rng.choice(TEXTS)} #{number}.{ordinal}",
                lexical="",
                visibility=visibilities[(number + ordinal) % 4],
                heading="" if ordinal else "안내",
                page=ordinal + 1 if number % 3 == 0 else None,
                attachment_id=f"freshdesk-{number}" if number % 5 == 0 else None,
            ),
            dense=dense(rng),
            sparse=sparse(rng),
            doc_type=list(DocType)[number % 3],
            platform=("freshdesk", "zendesk")[number % 2],
            original_id=str(number),
            title=TEXTS[number % 4],
            status=(None, "open", "resolved")[number % 3],
            product=(None, "앱", "web")[number % 3],
            tags=("billing", "환불", "login")[: number % 4],
            language=("ko", "en")[number % 2],
            url=f"https://acme.freshdesk.com/a/tickets/{number}" if number % 2 else None,
            updated_at=START + timedelta(days=number),
            groups=((), ("freshdesk:42", "=결제팀"), ("=shipping",), ("freshdesk:7",))[number % 4],
        )
        for ordinal in range(rng.randint(1, 4))
    ]


def question(rng: random.Random, **changes: Any) -> VectorQuery:
    """A random question by both vectors."""
    asked = SparseVector(indices := tuple(sorted(rng.sample(range(40), 5))), (1.0,) * len(indices))
    return VectorQuery(**{"dense": dense(rng), "sparse": asked, "limit": 10, **changes})


def many(count: int, rng: random.Random, company_id: str = "acme") -> list[Point]:
    """The points of so many Documents."""
    return [point for number in range(count) for point in points_of(number, rng, company_id)]


def docs(points: list[Point]) -> set[str]:
    """The ids of their Documents."""
    return {point.chunk.document_id for point in points}


def ranking(found: list[Found]) -> list[tuple[str, float]]:
    """Ids and scores in their order."""
    return [(one.point.point_id, round(one.score, 6)) for one in found]
