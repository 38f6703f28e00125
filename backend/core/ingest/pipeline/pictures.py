"""From pictures into Documents that are searchable already: recognizing words takes seconds a picture, so it comes last."""

from datetime import timedelta

import msgspec

from backend.core import clock
from backend.core.ingest.attachments import read_pictures
from backend.core.ingest.merge import AttachmentText, with_file_text
from backend.core.ingest.pipeline.person import marks_now, scrub_pieces
from backend.core.ingest.pipeline.progress import ACTIVE
from backend.core.model.document import AttachmentFile, AttachmentState, DocState
from backend.core.model.job import processing
from backend.core.model.sync import Run
from backend.core.ports.extract import TextPiece
from backend.core.ports.services import Services
from backend.core.text.erased import Scrubber

BATCH = 8
"""Pictures between two looks at the store."""
STANDS_BACK_MINUTES = 5.0
"""A run has the machine to itself for so long; a backfill of hours leaves processors idle most of the time."""
LOOK_AGAIN_SECONDS = 2.0


async def read_waiting(services: Services, company_id: str) -> float | None:
    """Read the tenant's waiting pictures one after the other; killed anywhere, it goes on there.

    None: none is left. A number: a run has just begun, come back after so many seconds.
    """
    blobs = services.blobs.open(company_id)
    while True:
        async with services.database.open(company_id) as uow:
            files = await uow.attachments.waiting(BATCH)
            runs, _ = await uow.sync.list_runs(limit=BATCH)
        if not files:
            return None
        if any(_has_just_begun(run) for run in runs):
            return LOOK_AGAIN_SECONDS
        scrubber = Scrubber(await marks_now(services, company_id))
        for file in files:
            with services.meter.stage("pictures"):
                read, pieces = await read_pictures(blobs, services.extractor, file)
            if read.state is AttachmentState.WAITING:
                read = msgspec.structs.replace(read, state=AttachmentState.KEPT)
            await _keep(services, company_id, read, scrub_pieces(scrubber, pieces))


def _has_just_begun(run: Run) -> bool:
    began = run.started_at or run.created_at
    return run.state in ACTIVE and clock.now() - began < timedelta(minutes=STANDS_BACK_MINUTES)


async def _keep(services: Services, company_id: str, file: AttachmentFile, pieces: tuple[TextPiece, ...]) -> None:
    """Write what became of a picture; where it had words, its Document is indexed again, with the summary it has."""
    async with services.database.open(company_id, write=True) as uow:
        current = await uow.attachments.get(file.attachment_id)
        if current is None or current.sha256 != file.sha256:
            return
        await uow.attachments.put([file])
        document = await uow.documents.get(file.document_id)
        if not pieces or document is None or document.state is DocState.DELETED:
            return
        text = AttachmentText(
            attachment_id=file.attachment_id,
            original_id=file.original_id,
            name=file.name,
            internal=file.internal,
            pieces=pieces,
            pictured=True,
        )
        changed = with_file_text(document, text)
        if changed.parts == document.parts:
            return
        await uow.documents.put([msgspec.structs.replace(changed, state=DocState.PENDING)])
        uow.enqueue(processing(company_id))
    services.meter.count("attachments", 1, state=file.state.value)
