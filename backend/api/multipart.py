"""A file that a client sends, as it comes in: the one file of a form (RFC 7578), or the body itself. Never whole in memory."""

import re
from collections.abc import AsyncIterator
from email.message import Message
from typing import IO, Final

from starlette.requests import ClientDisconnect, Request

from backend.core.errors import AppError, Code

FIELD: Final = "file"
_HEADERS: Final = 16_384
"""Bytes; a part that says more before its content is none."""
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")


async def save_upload(request: Request, out: IO[bytes], max_bytes: int, more: AppError) -> str:
    """Write the file to `out` and return its name; empty where the client gave none.

    Raises INVALID_REQUEST where there is no file, STORAGE_FULL, and `more` where it is larger.
    """
    header = _parsed("content-type", request.headers.get("content-type", ""))
    stream = request.stream()
    size = 0
    if header.get_content_type() == "multipart/form-data":
        form = FormFile(str(header.get_param("boundary", "")))
        pieces = form.pieces(stream)
    else:
        form, pieces = None, stream
    try:
        async for piece in pieces:
            size += len(piece)
            if size > max_bytes:
                raise more
            _write(out, piece)
        # Only at its end it shows whether a signed body is the one that was signed.
        async for _ in stream:
            continue
    except ClientDisconnect:
        raise AppError(Code.INVALID_REQUEST, "The file broke off before its end; send it again.") from None
    _write(out, b"")
    if not size:
        raise AppError(Code.INVALID_REQUEST, f"Send the file as the form field `{FIELD}` (multipart/form-data), or as the body.")
    return form.name if form is not None else ""


def _write(out: IO[bytes], piece: bytes) -> None:
    try:
        # Pieces of some 64 kB to a local file: a thread would cost more.
        out.write(piece)
        if not piece:
            out.flush()
    except OSError as error:
        raise AppError(Code.STORAGE_FULL, f"No room to take the file in: {error.strerror}. Free space where TMPDIR leads.") from error


class FormFile:
    """Finds the file in a form that comes in piece by piece; other fields are passed over."""

    def __init__(self, boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise AppError(Code.INVALID_REQUEST, "The form's content type names no boundary.")
        self.name = ""
        self._mark = b"\r\n--" + boundary.encode()

    async def pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The bytes of the file."""
        # The first boundary has no line before it.
        held = b"\r\n"
        within = wanted = False
        async for data in stream:
            held += data
            while True:
                if not within:
                    head, wanted, held = self._next_part(held)
                    if not head:
                        break
                    within = True
                at = held.find(self._mark)
                piece, held = (held[:at], held[at:]) if at >= 0 else self._all_but_a_mark(held)
                if wanted and piece:
                    yield piece
                if at < 0:
                    break
                if wanted:
                    return
                within = False
        if wanted or within:
            raise AppError(Code.INVALID_REQUEST, "The form ends in the middle of a field.")

    def _all_but_a_mark(self, held: bytes) -> tuple[bytes, bytes]:
        """What is content for certain, and the end, which may be the beginning of a boundary."""
        safe = max(0, len(held) - len(self._mark))
        return held[:safe], held[safe:]

    def _next_part(self, held: bytes) -> tuple[bool, bool, bytes]:
        """Whether a part's head is there, whether it is the file's, and what comes behind it."""
        at = held.find(self._mark)
        if at < 0:
            return False, False, held[-len(self._mark) :]
        head, blank, content = held[at + len(self._mark) :].partition(b"\r\n\r\n")
        if not blank:
            if len(head) > _HEADERS:
                raise AppError(Code.INVALID_REQUEST, "A field of the form has no end to its head.")
            return False, False, held[at:]
        said = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"content-disposition:")), b"")
        disposition = _parsed("content-disposition", said.partition(b":")[2].decode(errors="replace"))
        if disposition.get_param("name", header="content-disposition") != FIELD:
            return True, False, content
        self.name = disposition.get_filename() or ""
        return True, True, content


def _parsed(name: str, value: str) -> Message:
    message = Message()
    message[name] = value.replace("\r", " ").replace("\n", " ").strip()
    return message
