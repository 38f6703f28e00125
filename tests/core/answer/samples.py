"""Hits to answer from, as a search would return them."""

from datetime import UTC, datetime

from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Hit, SearchResult

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def chunk(
    text: str,
    ordinal: int = 0,
    kind: str = "body",
    *,
    document_id: str = "doc-1",
    visibility: Visibility = Visibility.PUBLIC,
    page: int | None = None,
) -> Chunk:
    """A chunk whose words are its text."""
    return Chunk(document_id=document_id, ordinal=ordinal, kind=kind, text=text, lexical=text, visibility=visibility, page=page)


def hit(*chunks: Chunk, title: str = "VPN 설정 안내", doc_type: DocType = DocType.ARTICLE, score: float = 0.5) -> Hit:
    """A hit whose best chunk is the first."""
    return Hit(
        document_id=chunks[0].document_id,
        doc_type=doc_type,
        platform="freshdesk",
        original_id=f"o-{chunks[0].document_id}",
        title=title,
        url=f"https://x.freshdesk.com/{chunks[0].document_id}",
        status=None,
        language="ko",
        updated_at=NOW,
        chunk=chunks[0],
        other_chunks=chunks[1:],
        score=score,
        coverage=1.0,
    )


def found(*hits: Hit, answerable: bool = True) -> SearchResult:
    """A search's result."""
    return SearchResult(hits=hits, answerable=answerable, took_ms=1.0)


VPN_TICKET = hit(
    chunk("VPN 접속 시 ERR-4012 인증 실패 오류가 난다.", 0, "problem", document_id="doc-t", visibility=Visibility.CONVERSATION),
    chunk(
        "제어판 > 자격 증명 관리자에서 저장된 항목을 삭제합니다. 그다음 새 비밀번호로 다시 로그인해 주세요.",
        1,
        "solution",
        document_id="doc-t",
        visibility=Visibility.CONVERSATION,
    ),
    title="VPN ERR-4012",
    doc_type=DocType.TICKET,
)
VPN_ARTICLE = hit(
    chunk("VPN 클라이언트는 5.2 이상이어야 합니다. 설치 파일은 사내 포털에서 내려받으세요.", 3, document_id="doc-a", page=2),
    title="VPN 설치",
)
NOTE_HIT = hit(
    chunk(
        "해지 위험 고객이므로 다음 달까지 요금을 절반으로 할인해 주기로 내부에서 합의했다.",
        2,
        "note",
        document_id="doc-n",
        visibility=Visibility.INTERNAL,
    ),
    title="내부 메모",
    doc_type=DocType.TICKET,
)
