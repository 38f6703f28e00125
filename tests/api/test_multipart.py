"""A file in a form, whatever pieces it comes in."""

from collections.abc import AsyncIterator

import pytest

from backend.api.multipart import FormFile
from backend.core.errors import AppError

CONTENT = b"PK\x03\x04 \r\n--not the mark\r\n\r\n--mar\r\n" + bytes(range(256)) + "한국어".encode()
FORM = (
    b'--mark\r\nContent-Disposition: form-data; name="note"\r\n\r\nsomething --mark\r\n'
    b'--mark\r\nContent-Disposition: form-data; name="file"; filename="Export 1.zip"\r\nContent-Type: application/zip\r\n\r\n'
    + CONTENT
    + b"\r\n--mark--\r\n"
)


async def stream(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 5, 17, 100_000])
async def test_the_file_is_found_between_other_fields(size: int) -> None:
    form = FormFile("mark")
    assert b"".join([piece async for piece in form.pieces(stream(FORM, size))]) == CONTENT
    assert form.name == "Export 1.zip"


@pytest.mark.parametrize("size", [1, 1000])
async def test_a_form_that_breaks_off_is_no_file(size: int) -> None:
    form = FormFile("mark")
    with pytest.raises(AppError):
        _ = [piece async for piece in form.pieces(stream(FORM[:-20], size))]


async def test_a_form_without_a_file_gives_nothing() -> None:
    form = FormFile("mark")
    assert [
        piece async for piece in form.pieces(stream(b'--mark\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--mark--', 9))
    ] == []


@pytest.mark.parametrize("boundary", ["", "x" * 71, "a\nb"])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(AppError):
        FormFile(boundary)
