"""The files of a person who is erased: which go, and which stay with their texts without the person."""

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from backend.core.ingest.attachments import attachment_id, text_key
from backend.core.ingest.pipeline.person import files_of, scrub_pieces
from backend.core.model.article import Article
from backend.core.model.document import AttachmentFile, Document
from backend.core.model.ticket import Ticket
from backend.core.ports.database import UnitOfWork
from backend.core.ports.extract import Extracted
from backend.core.ports.services import Services
from backend.core.text.erased import Marks, Scrubber


def own_files(platform: str, item: Ticket | Article, marks: Marks) -> set[str]:
    """The attachment ids of the turns that the person wrote."""
    return {attachment_id(platform, each.original_id) for each in files_of(item, marks)}


class Gone:
    """What becomes of the files of some Documents."""

    def __init__(self) -> None:
        self.files: list[AttachmentFile] = []
        """Those that go."""
        self.left = 0
        """Files that hold the person and stay."""
        self._kept: list[AttachmentFile] = []
        self._renamed: list[AttachmentFile] = []
        self._texts: list[AttachmentFile] = []
        self.unused: set[str] = set()
        """Keys of the blobs that no other Document has."""

    @property
    def texts(self) -> Sequence[AttachmentFile]:
        """Files that stay, whose text is kept without the person."""
        return self._texts

    def choose(self, files: Sequence[AttachmentFile], document: Document, scrubber: Scrubber, own: Collection[str], *, erase: bool) -> None:
        """Choose among a Document's files: with `erase` the person's own go, and those that hold them."""
        holding = {part.attachment_id for part in document.parts if part.attachment_id and scrubber.holds(part.text)}
        for file in files:
            holds = file.attachment_id in holding or scrubber.holds(file.name)
            if erase and (holds or file.attachment_id in own):
                self.files.append(file)
                continue
            if holds:
                self.left += 1
                self._texts.append(file)
            kept = replace(file, name=scrubber.text(file.name), error_message=scrubber.text(file.error_message))
            self._kept.append(kept)
            if kept != file:
                self._renamed.append(kept)

    def ids_of(self, document_id: str) -> list[str]:
        """The ids of a Document's files that go."""
        return [file.attachment_id for file in self.files if file.document_id == document_id]

    async def look_for_others(self, uow: UnitOfWork) -> None:
        """Find out which blobs are somebody else's too: those stay."""
        keys = {file.blob_key for file in self.files if file.blob_key}
        documents = {file.document_id for file in self.files}
        if keys:
            others = {file.blob_key for file in self._kept} | set(await uow.attachments.in_use(keys, without=documents))
            self.unused = {key for key in keys if key not in others}

    async def write(self, uow: UnitOfWork) -> None:
        """Forget those that go, and keep the others under names without the person."""
        documents = {file.document_id for file in self.files}
        if documents:
            await uow.attachments.delete(documents)
        if kept := [file for file in self._kept if file.document_id in documents or file in self._renamed]:
            await uow.attachments.put(kept)


async def forget_files(services: Services, company_id: str, gone: Gone, marks: Marks) -> None:
    """Delete the blobs of those that went, and the person from the texts of those that stay."""
    blobs = services.blobs.open(company_id)
    for folder in sorted({str(PurePosixPath(key).parent) for key in gone.unused}):
        await blobs.delete(folder)
    for file in gone.texts:
        data = await blobs.get(text_key(file)) if file.blob_key else None
        if data:
            extracted = msgspec.json.decode(data, type=Extracted)
            pieces = scrub_pieces(Scrubber(marks), extracted.pieces)
            await blobs.put(text_key(file), msgspec.json.encode(replace(extracted, pieces=pieces)))
