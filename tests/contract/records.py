"""Records for the contract suites of the stores, with Korean and English in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from backend.core.ids import content_hash, document_id
from backend.core.model.answer import Answer, Citation
from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.connection import Ability, Connection, CredentialReport
from backend.core.model.document import AttachmentFile, AttachmentState, DocType, Document, Part, Summary
from backend.core.model.erasure import Erasure
from backend.core.model.export import Export
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.job import Job, JobName
from backend.core.model.provider import ModelRole, OwnProvider
from backend.core.model.sync import ItemFailure, Run, RunCounts, RunOptions, RunState
from backend.core.model.tenant import ApiKey, AuditEntry, Role, Scope, SealedSecret, Tenant
from backend.core.model.ticket import Role as Author
from backend.core.model.webhook import Nudge
from backend.core.ports.database import Database

START = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)
CONNECTION = "conn_1"
NUDGE = Nudge(connection_id=CONNECTION, doc_type=DocType.TICKET, original_id="1", at=START, mark="m1")


@dataclass
class Records:
    """A database under test, the jobs it sent, and how to make another one over the same data."""

    database: Database
    sent: list[Job] = field(default_factory=list)
    url: str = ""

    async def add_tenants(self, *company_ids: str) -> None:
        async with self.database.directory() as directory:
            for company_id in company_ids:
                await directory.put_tenant(tenant(company_id))


def erasure(erasure_id: str, minutes: int = 0, **changes: Any) -> Erasure:
    """Somebody's erasure, begun so many minutes after START."""
    given: dict[str, Any] = {"hashes": ("a1b2",), "key": SealedSecret("v1.k"), "person": SealedSecret("v1.p")}
    return Erasure(erasure_id=erasure_id, created_at=START + timedelta(minutes=minutes), **given | changes)


def export(export_id: str, minutes: int = 0, **changes: Any) -> Export:
    """An export, asked for so many minutes after START."""
    return Export(export_id=export_id, created_at=START + timedelta(minutes=minutes), **changes)


def tenant(company_id: str, **changes: Any) -> Tenant:
    given: dict[str, Any] = {"name": "아크메 주식회사", "created_at": START, "sealed_data_key": SealedSecret("v1.m.x")}
    own = OwnProvider(provider="openai", model=f"{company_id}-model", base_url="https://llm.example/v1", key_id="provider_1", set_at=START)
    given |= {"providers": {ModelRole.SUMMARIZE: own}, "provider_keys": {"provider_1": SealedSecret("v1.m.x")}}
    return Tenant(company_id=company_id, **given | changes)


def doc(number: int, *, company: str = "acme", text: str = "결제가 되지 않습니다", **changes: Any) -> Document:
    """Ticket number `number`, updated so many minutes after START."""
    original_id = str(number)
    given: dict[str, Any] = {
        "document_id": document_id(company, "freshdesk", "ticket", original_id),
        "connection_id": CONNECTION,
        "platform": "freshdesk",
        "doc_type": DocType.TICKET,
        "original_id": original_id,
        "title": f"결제 오류 #{number} Payment fails",
        "parts": (
            Part(kind="description", text=text, visibility=Visibility.CONVERSATION, role=Author.CUSTOMER, author="김민수", at=START),
            Part(kind="attachment", text="영수증", visibility=Visibility.INTERNAL, heading="영수증.pdf", page=2, attachment_id="a-1"),
        ),
        "content_hash": content_hash(text),
        "source_version": "v1",
        "visibility": Visibility.CONVERSATION,
        "language": "ko",
        "status": "resolved",
        "status_label": "해결됨",
        "priority": "high",
        "product": "웹 결제",
        "requester": "김민수",
        "tags": ("결제", "urgent"),
        "attributes": {"그룹": "결제팀"},
        "url": "https://acme.freshdesk.com/a/tickets/1",
        "created_at": START,
        "updated_at": START + timedelta(minutes=number),
        "stored_at": START,
    }
    return Document(**given | changes)


SUMMARY = Summary(
    problem="카드 결제 실패", cause="만료된 카드", solution="카드 재등록", result="해결", language="ko", tags=("결제",), resolved=True
)


def attachment(original_id: str, document: Document, **changes: Any) -> AttachmentFile:
    given: dict[str, Any] = {
        "attachment_id": f"freshdesk-{original_id}",
        "document_id": document.document_id,
        "original_id": original_id,
        "name": "영수증.pdf",
        "content_type": "application/pdf",
        "size": 12,
        "internal": False,
        "state": AttachmentState.KEPT,
        "blob_key": f"attachments/{original_id}",
    }
    return AttachmentFile(**given | changes)


def connection(name: str = CONNECTION, **changes: Any) -> Connection:
    given: dict[str, Any] = {
        "connection_id": name,
        "platform": "freshdesk",
        "domain": f"{name}.freshdesk.com",
        "credentials": SealedSecret("v1.secret"),
        "created_at": START,
        "report": CredentialReport(
            account_name="아크메", agent_name="이영희", agent_email="lee@acme.kr", abilities=(Ability(name="tickets", ok=True),)
        ),
    }
    return Connection(**given | changes)


def run(name: str, state: RunState = RunState.RUNNING, **changes: Any) -> Run:
    given: dict[str, Any] = {
        "run_id": name,
        "connection_id": CONNECTION,
        "state": state,
        "options": RunOptions(since=START),
        "counts": RunCounts(listed=3),
        "created_at": START,
    }
    return Run(**given | changes)


def failure(original_id: str, **changes: Any) -> ItemFailure:
    given: dict[str, Any] = {
        "doc_type": DocType.TICKET,
        "original_id": original_id,
        "code": "source_malformed",
        "message": "깨진 응답",
        "at": START,
        "hint": {"쪽": 3},
        "raw": b"\x00\xff{",
    }
    return ItemFailure(**given | changes)


def usage_row(**changes: Any) -> UsageRow:
    usage = Usage(calls=1, input_tokens=100, output_tokens=20, cost_usd=0.25)
    given: dict[str, Any] = {"day": date(2026, 3, 1), "provider": "openai", "model": "gpt", "purpose": Purpose.SUMMARY, "usage": usage}
    return UsageRow(**given | changes)


def answer(answer_id: str, document: Document) -> Answer:
    citation = Citation(
        number=1,
        document_id=document.document_id,
        doc_type=document.doc_type,
        platform=document.platform,
        original_id=document.original_id,
        title=document.title,
        url=None,
        chunk_ordinal=0,
        visibility=Visibility.CONVERSATION,
        quote="카드를 다시 등록하세요",
        score=0.9,
    )
    return Answer(
        answer_id=answer_id,
        question="결제가 안 돼요",
        text="카드를 다시 등록하세요 [1]",
        language="ko",
        grounded=True,
        citations=(citation,),
        model="offline",
        provider="offline",
        usage=Usage(calls=1),
        created_at=START,
    )


def thumb(rating: Rating, document: Document | None = None, **changes: Any) -> Feedback:
    given: dict[str, Any] = {"feedback_id": "fb_1", "caller": "key:k1", "rating": rating, "comment": "좋아요", "at": START}
    return Feedback(**given | {"document_id": document.document_id if document else None} | changes)


def api_key(key_id: str, company_id: str, **changes: Any) -> ApiKey:
    given: dict[str, Any] = {
        "key_id": key_id,
        "company_id": company_id,
        "name": "상담 도구",
        "prefix": "dk_abc",
        "key_hash": f"hash-{key_id}",
        "role": Role.AGENT,
        "scopes": frozenset({Scope.QUERY, Scope.REPLY}),
        "created_at": START,
    }
    return ApiKey(**given | changes)


def audit_entry(minutes: int = 0, action: str = "connection.create") -> AuditEntry:
    return AuditEntry(at=START + timedelta(minutes=minutes), actor="key:k1", action=action, target="conn_1", details={"이름": "값"})


def job(company_id: str, subject: str = "all") -> Job:
    return Job(name=JobName.PROCESS_DOCUMENTS, company_id=company_id, subject=subject)


def ids(documents: Sequence[Document]) -> list[str]:
    return [document.original_id for document in documents]
