"""What every TextExtractor does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.adapters.file.extract.process import ProcessExtractor
from backend.core.errors import AppError, Code
from backend.core.ports.extract import TextExtractor

MAX_CHARS = 1_000


@pytest.fixture
async def extractor() -> AsyncIterator[TextExtractor]:
    made: TextExtractor = ProcessExtractor(20, 1024, MAX_CHARS)
    yield made
    await made.close()


async def test_text_with_its_type(extractor: TextExtractor, tmp_path: Path) -> None:
    path = tmp_path / "attachment"
    path.write_text("이름,값\n가,1\n", encoding="utf-8")
    extracted = await extractor.extract(path, "표.csv")
    assert extracted.content_type == "text/csv"
    assert [piece.text for piece in extracted.pieces] == ["이름 | 값\n가 | 1"]
    assert not extracted.truncated


async def test_bytes_decide_before_the_name(extractor: TextExtractor, tmp_path: Path) -> None:
    path = tmp_path / "attachment"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"broken")
    with pytest.raises(AppError) as caught:
        await extractor.extract(path, "report.pdf")
    assert caught.value.code is Code.ATTACHMENT_UNREADABLE
    path.write_text("<html><body><p>페이지</p>", encoding="utf-8")
    assert (await extractor.extract(path, "report.pdf")).content_type == "text/html"


async def test_no_more_text_than_the_limit(extractor: TextExtractor, tmp_path: Path) -> None:
    path = tmp_path / "attachment"
    path.write_text("글자 " * MAX_CHARS, encoding="utf-8")
    extracted = await extractor.extract(path, "a.txt")
    assert sum(len(piece.text) for piece in extracted.pieces) <= MAX_CHARS
    assert extracted.truncated


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.txt", Code.ATTACHMENT_EMPTY),
        (b"%PDF-1.7 broken", "a.pdf", Code.ATTACHMENT_UNREADABLE),
        (bytes(range(256)) * 8, "a.bin", Code.ATTACHMENT_UNSUPPORTED),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", Code.ATTACHMENT_ENCRYPTED),
    ],
)
async def test_what_can_not_be_read_says_why(extractor: TextExtractor, tmp_path: Path, data: bytes, name: str, code: Code) -> None:
    path = tmp_path / "attachment"
    path.write_bytes(data)
    with pytest.raises(AppError) as caught:
        await extractor.extract(path, name)
    assert caught.value.code is code
    assert name in caught.value.message


async def test_close_may_be_called_twice_and_unused(extractor: TextExtractor) -> None:
    await extractor.close()
    await extractor.close()
