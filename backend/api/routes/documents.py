"""Reading documents."""

from typing import Any

from fastapi import APIRouter, Path, Query, Response

from backend.api.deps import DocumentsCaller, IngestCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API, started
from backend.api.schemas.attachments import AttachmentOut
from backend.api.schemas.base import Items, Page
from backend.api.schemas.documents import ChunkOut, DocumentDetailOut, DocumentOut, RetriedOut
from backend.api.schemas.rebuild import RebuildIn
from backend.api.schemas.resummarize import ResummarizeIn, ResummaryOut
from backend.api.schemas.sync import RunOut
from backend.core.errors import Code
from backend.core.model.document import Chunk, DocState, DocType
from backend.core.model.sync import Run
from backend.core.usecases import documents, rebuild, resummarize

router = APIRouter(prefix=f"{API}/documents", tags=["documents"])


@router.get("", response_model=Page[DocumentOut], responses=problems())
async def list_documents(
    *,
    services: ServicesDep,
    caller: DocumentsCaller,
    state: list[DocState] = Query([], description="Any of these; deleted ones are listed only when asked for."),
    doc_type: list[DocType] = Query([], description="Any of these."),
    connection_id: str | None = Query(None, max_length=100),
    search: str | None = Query(None, max_length=200, description="A part of the title."),
    limit: int = Query(50, ge=1, le=200),
    after: str | None = Query(None, max_length=500, description="`next` of the page before."),
) -> dict[str, Any]:
    """Documents, last updated first."""
    query = documents.DocumentQuery(
        states=state, doc_types=doc_type, connection_id=connection_id, text=search or None, limit=limit, after=after
    )
    items, following = await documents.list_documents(services, caller.company_id, query, caller=caller)
    return {"items": items, "next": following}


@router.get("/{document_id}", response_model=DocumentDetailOut, responses=problems(Code.DOCUMENT_NOT_FOUND))
async def get_document(services: ServicesDep, caller: DocumentsCaller, document_id: str = Path(max_length=100)) -> DocumentDetailOut:
    """One document with the parts, summary and attachments this caller may see."""
    document, files = await documents.get_document(services, caller.company_id, document_id, caller=caller)
    detail = DocumentDetailOut.model_validate(document)
    detail.attachments = [AttachmentOut.model_validate(file) for file in files]
    return detail


@router.get("/{document_id}/chunks", response_model=Items[ChunkOut], responses=problems(Code.DOCUMENT_NOT_FOUND, Code.INDEX_UNAVAILABLE))
async def get_chunks(services: ServicesDep, caller: DocumentsCaller, document_id: str = Path(max_length=100)) -> dict[str, list[Chunk]]:
    """A document's chunks as the index holds them, those this caller may see."""
    return {"items": await documents.get_chunks(services, caller.company_id, document_id, caller=caller)}


@router.post("/resummarize", response_model=ResummaryOut, responses=problems(body=True))
async def resummarize_documents(body: ResummarizeIn, services: ServicesDep, caller: IngestCaller) -> resummarize.Resummary:
    """Summarize anew what another model or prompt summarized: without `confirm` only count and price, with it they begin."""
    return await resummarize.resummarize(services, caller.company_id, caller, confirm=body.confirm)


@router.post("/retry", response_model=RetriedOut, responses=problems())
async def retry_documents(services: ServicesDep, caller: IngestCaller) -> RetriedOut:
    """Process once more what could not be processed, after its cause is gone; `GET /documents?state=failed` tells what that is."""
    return RetriedOut(documents=await documents.retry_failed(services, caller.company_id, caller=caller))


@router.post(
    "/rebuild",
    status_code=202,
    response_model=RunOut,
    responses=problems(Code.CONNECTION_NOT_FOUND, Code.REBUILD_UNSUPPORTED, Code.RUN_ACTIVE, body=True),
)
async def rebuild_documents(body: RebuildIn, services: ServicesDep, caller: IngestCaller, response: Response) -> Run:
    """Make a connection's documents again of the archived payloads, without a call to the helpdesk; it goes on as a run."""
    run = await rebuild.start_rebuild(
        services, caller.company_id, body.connection_id, dry_run=body.dry_run, files=body.files, caller=caller
    )
    return started(run, response)
