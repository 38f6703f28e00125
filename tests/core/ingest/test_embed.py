"""Chunks: what they hold, who may see them, how long they are; vectors: paid for once."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import pytest

from backend.core.errors import AppError, Code
from backend.core.ingest.embed import CHUNK_TOKENS, chunk_document, embed_chunks, split_text
from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose, Usage
from backend.core.model.document import Chunk, DocType, Document, Part, Summary
from backend.core.model.ticket import Role
from backend.core.ports.kept_vectors import decode, encode, vector_key
from backend.core.text.size import estimate_tokens
from tests.core.ingest.test_summarize import ANSWERED, ASKED, FILE, NOTE, NOTE_FILE, ticket, turn

SUMMARY = Summary(
    problem="VPN 접속 시 ERR-4012 오류가 난다.",
    cause="비밀번호가 만료되었다.",
    solution="비밀번호를 재설정한다.",
    result="정상 접속된다.",
)
LONG = "\n\n".join(
    f"{number}장. 설정 메뉴에서 네트워크 항목을 열고 프록시를 끕니다. 그다음 저장 단추를 누릅니다." * 3 for number in range(60)
)


class CountingEmbedder:
    """An embedder outside our walls that remembers what it was paid for."""

    provider = "openai"
    model = "counting"
    dimension = 3
    semantic = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        assert purpose is Purpose.EMBED_DOCUMENT
        if "broken" in texts:
            raise AppError(Code.LLM_UNAVAILABLE)
        self.asked += texts
        return [[float(len(text)), 0.5, 0.25] for text in texts], Usage(calls=1, input_tokens=len(texts))


def summarized(document: Document, summary: Summary = SUMMARY, internal: Summary | None = None) -> Document:
    return msgspec.structs.replace(document, summary=summary, internal_summary=internal)


def article(*parts: Part, visibility: Visibility = Visibility.PUBLIC) -> Document:
    return msgspec.structs.replace(ticket(*parts, title="VPN 설정 안내", doc_type=DocType.ARTICLE), visibility=visibility)


def page(text: str, number: int | None, heading: str = "", visibility: Visibility = Visibility.PUBLIC, kind: str = "article") -> Part:
    return Part(
        kind=kind, text=text, visibility=visibility, page=number, heading=heading, attachment_id="f" if kind == "attachment" else None
    )


def test_a_ticket_is_found_by_problem_and_by_solution() -> None:
    problem, solution = chunk_document(summarized(ticket(ASKED, ANSWERED)))
    assert (problem.ordinal, problem.kind, solution.ordinal, solution.kind) == (0, "problem", 1, "solution")
    assert problem.text == "VPN 접속 오류\nVPN 접속 시 ERR-4012 오류가 난다.\n비밀번호가 만료되었다."
    assert "발생합니다" in problem.lexical, "the customer's own wording"
    assert "발생합니다" not in problem.text
    assert solution.text == "비밀번호를 재설정한다.\n정상 접속된다."
    assert ANSWERED.text in solution.lexical
    assert "VPN 접속 오류" in solution.lexical
    assert {chunk.visibility for chunk in (problem, solution)} == {Visibility.CONVERSATION}


def test_what_is_private_is_in_internal_chunks_only() -> None:
    internal = Summary(problem="p", cause="쿠폰을 제안하기로 했다.", solution=SUMMARY.solution)
    chunks = chunk_document(summarized(ticket(ASKED, NOTE, NOTE_FILE, FILE, ANSWERED), internal=internal))
    for chunk in chunks:
        private = "SECRET" in chunk.text + chunk.lexical or "쿠폰" in chunk.text + chunk.lexical
        assert private == (chunk.visibility is Visibility.INTERNAL)
    kinds = [(chunk.kind, chunk.visibility) for chunk in chunks]
    assert ("note", Visibility.INTERNAL) in kinds
    assert ("attachment", Visibility.INTERNAL) in kinds
    assert ("attachment", Visibility.CONVERSATION) in kinds
    note = next(chunk for chunk in chunks if chunk.kind == "note")
    assert note.text.startswith("쿠폰을 제안하기로 했다.\n고객이 해지를")
    assert [chunk.ordinal for chunk in chunks] == sorted({chunk.ordinal for chunk in chunks})


def test_an_attachment_carries_its_file_and_page() -> None:
    parts = [page(f"{number}쪽. " + "설치 절차를 설명합니다. " * 60, number, "guide.pdf", kind="attachment") for number in (1, 2)]
    chunks = [chunk for chunk in chunk_document(summarized(ticket(ASKED, *parts))) if chunk.kind == "attachment"]
    assert [(chunk.page, chunk.attachment_id, chunk.heading) for chunk in chunks] == [(1, "f", "guide.pdf"), (2, "f", "guide.pdf")]


def test_a_ticket_without_a_summary_is_still_found_by_its_words() -> None:
    (chunk,) = chunk_document(ticket(turn("안돼요"), turn("다시 켜세요", role=Role.AGENT), title="프린터"))
    assert (chunk.kind, chunk.text) == ("body", "프린터\n안돼요\n다시 켜세요")
    assert chunk_document(ticket(turn("백업 완료", role=Role.SYSTEM, kind="system"))) == []
    note_only = chunk_document(ticket(NOTE))
    assert [chunk.visibility for chunk in note_only] == [Visibility.INTERNAL]


def test_a_solution_that_is_not_told_has_no_chunk() -> None:
    assert [chunk.ordinal for chunk in chunk_document(summarized(ticket(ASKED), Summary(problem="p")))] == [0]


def test_an_article_is_cut_by_page_and_keeps_its_visibility() -> None:
    chunks = chunk_document(article(page(LONG, 1), page("짧은 끝", 2), page("내부용", 3, visibility=Visibility.INTERNAL)))
    assert all(chunk.kind == "body" for chunk in chunks)
    assert all(estimate_tokens(chunk.text) <= CHUNK_TOKENS for chunk in chunks)
    assert [chunk.page for chunk in chunks if chunk.page == 1]
    assert [chunk.text for chunk in chunks if chunk.visibility is Visibility.INTERNAL] == ["내부용"]
    assert all("VPN 설정 안내" in chunk.lexical for chunk in chunks)


def test_tiny_pages_are_joined_and_long_ones_are_not() -> None:
    tiny = chunk_document(article(*(page(f"{number}쪽 제목", number) for number in range(1, 6))))
    assert [(chunk.page, chunk.text.count("쪽")) for chunk in tiny] == [(1, 5)]
    sections = chunk_document(article(*(page("절차를 설명합니다. " * 60, None, heading) for heading in ("설치", "삭제"))))
    assert [chunk.heading for chunk in sections] == ["설치", "삭제"]


def test_a_long_text_is_cut_between_sentences_with_some_overlap() -> None:
    pieces = split_text(LONG)
    assert len(pieces) > 3
    assert all(estimate_tokens(piece) <= CHUNK_TOKENS for piece in pieces)
    assert all(estimate_tokens(piece) >= 450 for piece in pieces[:-1])
    for before, after in pairwise(pieces):
        first = after.split(". ")[0]
        assert first in before
    assert {f"{number}장" for number in range(60)} <= {word.rstrip(".") for piece in pieces for word in piece.split()}


def test_a_text_without_any_border_is_cut_all_the_same() -> None:
    pieces = split_text("가" * 10_000)
    assert all(estimate_tokens(piece) <= CHUNK_TOKENS for piece in pieces)
    assert sum(map(len, pieces)) >= 10_000
    assert split_text("  \n ") == []


async def test_equal_texts_and_cached_ones_are_not_paid_for() -> None:
    embedder = CountingEmbedder()
    chunks = [chunk for text in ("하나", "둘", "하나") for chunk in [_chunk(text)]]
    first = await embed_chunks(chunks, embedder=embedder)
    assert embedder.asked == ["하나", "둘"]
    assert first.vectors == [[2.0, 0.5, 0.25], [1.0, 0.5, 0.25], [2.0, 0.5, 0.25]]
    assert first.usage == Usage(calls=1, input_tokens=2)
    again = await embed_chunks([*chunks, _chunk("셋째")], embedder=embedder, cached=first.fresh)
    assert embedder.asked == ["하나", "둘", "셋째"]
    assert list(again.fresh) == [vector_key(embedder, "셋째")]
    assert (await embed_chunks([], embedder=embedder)).vectors == []


async def test_what_a_call_came_to_is_kept_before_the_next_one() -> None:
    embedder = CountingEmbedder()
    kept: dict[str, list[float]] = {}

    async def ask(piece: Mapping[str, str]) -> tuple[list[list[float]], Usage]:
        assert len(piece) <= 100
        vectors, usage = await embedder.embed([*piece.values()], Purpose.EMBED_DOCUMENT)
        kept.update(zip(piece, vectors, strict=True))
        return vectors, usage

    texts = [f"글 {number}" for number in range(250)]
    with pytest.raises(AppError):
        await embed_chunks([_chunk(text) for text in (*texts, "broken")], embedder=embedder, ask=ask)
    assert len(kept) == 200
    made = await embed_chunks([_chunk(text) for text in texts], embedder=embedder, cached=kept, ask=ask)
    assert (len(made.vectors), len(made.fresh), made.usage.calls) == (250, 50, 1)
    assert embedder.asked == texts


async def test_a_failure_of_the_embedder_is_the_callers() -> None:
    with pytest.raises(AppError):
        await embed_chunks([_chunk("broken")], embedder=CountingEmbedder())


def test_a_kept_vector_is_read_again() -> None:
    vector = [0.1, -0.5, math.sqrt(0.74)]
    assert decode(encode(vector)) == pytest.approx(vector, abs=1e-7)


def _chunk(text: str) -> Chunk:
    return Chunk(document_id="d", ordinal=0, kind="body", text=text, lexical=text, visibility=Visibility.PUBLIC)


def test_an_article_is_found_by_questions_and_shows_its_own_text() -> None:
    parts = (
        Part(kind="article", text="비밀번호를 재설정하려면 설정에서 메일 주소를 확인하세요.", visibility=Visibility.PUBLIC, language="ko"),
        Part(kind="article", text="To reset the password check the address in the settings.", visibility=Visibility.PUBLIC, language="en"),
    )
    guide = article(*parts)
    plain = chunk_document(guide)
    chunks = chunk_document(guide, ["비번 초기화 링크가 안 와요", "my passcode link never came"])
    assert chunks[: len(plain)] == plain
    questions = chunks[len(plain) :]
    assert [chunk.ordinal for chunk in questions] == [len(plain), len(plain) + 1]
    assert {chunk.kind for chunk in questions} == {"question"}
    assert [chunk.lexical for chunk in questions] == ["비번 초기화 링크가 안 와요", "my passcode link never came"]
    assert [chunk.text for chunk in questions] == [plain[0].text, plain[1].text]
    assert {chunk.visibility for chunk in questions} == {Visibility.PUBLIC}
    assert chunk_document(article(), ["비번"]) == []
