"""The offline embedder: the same vector every time, near for shared words, honest about what it is."""

import math
import subprocess
import sys

import pytest

from backend.adapters.offline.embed import HashingEmbedder
from backend.core.model.budget import Purpose, Usage

EMBEDDER = HashingEmbedder()


async def _vectors(*texts: str) -> list[list[float]]:
    vectors, usage = await EMBEDDER.embed(texts, Purpose.EMBED_DOCUMENT)
    assert usage == Usage()
    return vectors


def _cosine(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


async def test_vectors_have_length_one_and_the_promised_dimension() -> None:
    for vector in await _vectors("로그인 오류", "password reset", "", "?!"):
        assert len(vector) == EMBEDDER.dimension == 384
        assert math.isclose(math.hypot(*vector), 1.0)
    assert await EMBEDDER.embed([], Purpose.EMBED_QUERY) == ([], Usage())


async def test_texts_that_share_words_are_near_and_others_are_not() -> None:
    question, ticket, other = await _vectors("로그인 오류", "로그인에서 오류가 발생했습니다", "환불 영수증을 보내 주세요")
    assert _cosine(question, ticket) > 0.6
    assert abs(_cosine(question, other)) < 0.3


async def test_it_says_that_it_knows_no_meaning() -> None:
    assert (EMBEDDER.provider, EMBEDDER.model, EMBEDDER.semantic) == ("offline", "hashing-1", False)


async def test_another_process_makes_the_same_vector() -> None:
    imports = "import asyncio; from backend.adapters.offline.embed import HashingEmbedder as H; "
    code = imports + "print(asyncio.run(H(8).embed(['결제 fail'], None))[0][0])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str((await HashingEmbedder(8).embed(["결제 fail"], Purpose.EMBED_QUERY))[0][0])


@pytest.mark.parametrize("dimension", [8, 64])
async def test_the_dimension_can_be_chosen(dimension: int) -> None:
    vectors, _ = await HashingEmbedder(dimension).embed(["abc"], Purpose.EMBED_QUERY)
    assert len(vectors[0]) == dimension
