"""Tell what a file is: by its bytes first, by its name second."""

import re
import zipfile
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from backend.core.errors import AppError, Code

_HEAD: Final = 8_192
_OLE_SEARCH: Final = 4_000_000


class Reader(StrEnum):
    """Which reader reads it."""

    PDF = "pdf"
    WORD = "word"
    SHEETS = "sheets"
    SLIDES = "slides"
    IMAGE = "image"
    CSV = "csv"
    HTML = "html"
    MARKDOWN = "markdown"
    PLAIN = "plain"


class FileType(NamedTuple):
    """A reader and the content type."""

    reader: Reader
    content_type: str


_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_IMAGES: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML: Final = re.compile(rb"^\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_BY_SUFFIX: Final = {
    ".csv": FileType(Reader.CSV, "text/csv"),
    ".tsv": FileType(Reader.CSV, "text/tab-separated-values"),
    ".html": FileType(Reader.HTML, "text/html"),
    ".htm": FileType(Reader.HTML, "text/html"),
    ".md": FileType(Reader.MARKDOWN, "text/markdown"),
    ".markdown": FileType(Reader.MARKDOWN, "text/markdown"),
    ".json": FileType(Reader.PLAIN, "application/json"),
    ".xml": FileType(Reader.PLAIN, "application/xml"),
}
_TEXT_CONTROLS: Final = bytes(range(0x20)).translate(None, b"\t\n\r\f\x1b\b")
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def sniff(path: Path, name: str) -> FileType:
    """What the file is. Raises ATTACHMENT_EMPTY, _ENCRYPTED, _UNREADABLE or _UNSUPPORTED."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise AppError(Code.ATTACHMENT_EMPTY, f"{name} has no bytes.")
    if b"%PDF-" in head[:1024]:
        return FileType(Reader.PDF, "application/pdf")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(path, name)
    if head.startswith(_OLE):
        return _in_ole(path, name)
    for magic, content_type in _IMAGES.items():
        if head.startswith(magic) and not (magic == b"BM" and head[6:10] != b"\x00\x00\x00\x00"):
            return FileType(Reader.IMAGE, content_type)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileType(Reader.IMAGE, "image/webp")
    return _other(head, name)


def _in_zip(path: Path, name: str) -> FileType:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {error}.") from error
    if "word/document.xml" in names:
        return FileType(Reader.WORD, f"{_OFFICE}wordprocessingml.document")
    if "xl/workbook.xml" in names:
        return FileType(Reader.SHEETS, f"{_OFFICE}spreadsheetml.sheet")
    if "xl/workbook.bin" in names:
        return FileType(Reader.SHEETS, "application/vnd.ms-excel.sheet.binary.macroenabled.12")
    if "ppt/presentation.xml" in names:
        return FileType(Reader.SLIDES, f"{_OFFICE}presentationml.presentation")
    raise AppError(Code.ATTACHMENT_UNSUPPORTED, f"{name} is an archive or a document of a type without a reader.")


def _in_ole(path: Path, name: str) -> FileType:
    """Office files before 2007, and new ones with a password, share one container; its stream names are UTF-16."""
    with path.open("rb") as file:
        data = file.read(_OLE_SEARCH)
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise AppError(Code.ATTACHMENT_ENCRYPTED, f"{name} is protected by a password.")
    if "Workbook".encode("utf-16-le") in data or "Book\x00".encode("utf-16-le") in data:
        return FileType(Reader.SHEETS, "application/vnd.ms-excel")
    raise AppError(Code.ATTACHMENT_UNSUPPORTED, f"{name} is a document of a type without a reader; save it as DOCX, PPTX or PDF.")


def _other(head: bytes, name: str) -> FileType:
    if head.startswith(b"{\\rtf"):
        raise AppError(Code.ATTACHMENT_UNSUPPORTED, f"{name} is RTF; save it as DOCX or PDF.")
    suffix = PurePath(name).suffix.lower()
    if _is_text(head):
        if _HTML.match(head):
            return _BY_SUFFIX[".html"]
        return _BY_SUFFIX.get(suffix, FileType(Reader.PLAIN, "text/plain"))
    import filetype  # noqa: PLC0415 - only files that are nothing of the above need its long list

    kind = filetype.guess(head)
    if kind is not None:
        raise AppError(Code.ATTACHMENT_UNSUPPORTED, f"{name} is {kind.mime}: there is no text to read in it.")
    if suffix in (".pdf", ".docx", ".xlsx", ".xls", ".pptx", ".png", ".jpg", ".jpeg"):
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged, or not what its name says.")
    raise AppError(Code.ATTACHMENT_UNSUPPORTED, f"{name} is of an unknown type.")


def _is_text(head: bytes) -> bool:
    if head.startswith(_BOMS):
        return True
    if b"\x00" in head:
        # UTF-16 without a mark: every other byte of Latin text is zero.
        zeros = head.count(0)
        return zeros >= len(head) // 4 and (head[::2].count(0) <= zeros // 5 or head[1::2].count(0) <= zeros // 5)
    return len(head.translate(None, _TEXT_CONTROLS)) >= len(head) * 0.98
