"""The same content is kept once and read once, however many tickets carry it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.core.ingest.attachments import Reader, read_attachments, read_pictures
from backend.core.model.document import AttachmentState, DocType
from backend.core.model.sync import ItemRef
from backend.core.model.ticket import Attachment
from backend.core.ports.extract import Extracted, TextPiece
from backend.storage.blobs.local import LocalBlobStores

REF = ItemRef(doc_type=DocType.TICKET, original_id="1", version="v")


class Files:
    """A source of files, and nothing else of a Source."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents

    @asynccontextmanager
    async def download(self, attachment: Attachment, _ref: ItemRef) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            yield self.contents[attachment.original_id]

        yield pieces()


class Reading:
    """Reads what begins with a `p` as a picture, everything else as text; counts."""

    def __init__(self) -> None:
        self.read: list[tuple[str, bool]] = []

    async def extract(self, file: Path | bytes, name: str, *, ocr: bool = True) -> Extracted:
        data = file if isinstance(file, bytes) else file.read_bytes()  # noqa: ASYNC240 - a few bytes
        self.read.append((name, ocr))
        if data.startswith(b"p") and not ocr:
            return Extracted(content_type="image/png", pieces=(), waiting=True)
        return Extracted(content_type="text/plain", pieces=(TextPiece(text=data.decode(), page=None),))

    async def close(self) -> None:
        pass


def _attachment(number: str, size: int) -> Attachment:
    return Attachment(original_id=number, name=f"로고 {number}.png", content_type="image/png", size=size, url="https://files.test/x")


async def test_equal_files_lie_once_and_are_read_once(tmp_path: Path) -> None:
    contents = {"1": b"picture", "2": b"picture", "3": b"another", "4": b"picture"}
    blobs, extractor = LocalBlobStores(tmp_path).open("acme"), Reading()
    reader = Reader(platform="freshdesk", source=Files(contents), blobs=blobs, extractor=extractor, max_bytes=1_000)
    for number in ("1", "2", "3"):
        (read,) = await read_attachments(reader, REF, [_attachment(number, 7)], document_id=number, known=())
        assert read.file.state is (AttachmentState.READ if number == "3" else AttachmentState.WAITING)
    assert len([key for key in await blobs.list("attachments") if key.endswith("/file")]) == 2
    assert [name for name, _ in extractor.read] == ["로고 1.png", "로고 3.png"]
    (first,) = await read_attachments(reader, REF, [_attachment("1", 7)], document_id="1", known=())
    recognized, pieces = await read_pictures(blobs, extractor, first.file)
    assert (recognized.state, [piece.text for piece in pieces]) == (AttachmentState.READ, ["picture"])
    # The next ticket with this picture has its words at once, and so has the one that was waiting.
    (fourth,) = await read_attachments(reader, REF, [_attachment("4", 7)], document_id="4", known=())
    assert (fourth.file.state, [piece.text for piece in fourth.pieces]) == (AttachmentState.READ, ["picture"])
    again, _ = await read_pictures(blobs, extractor, first.file)
    assert again.state is AttachmentState.READ
    assert [ocr for _, ocr in extractor.read].count(True) == 1


async def test_two_tenants_share_no_file(tmp_path: Path) -> None:
    stores, extractor = LocalBlobStores(tmp_path), Reading()
    for company in ("acme", "bravo"):
        blobs = stores.open(company)
        source = Files({"1": b"same"})
        reader = Reader(platform="freshdesk", source=source, blobs=blobs, extractor=extractor, max_bytes=1_000)
        await read_attachments(reader, REF, [_attachment("1", 4)], document_id="1", known=())
        assert len(await blobs.list("")) == 2
    assert len(extractor.read) == 2, "each reads its own"
    await stores.open("acme").delete("")
    assert len(await stores.open("bravo").list("")) == 2
