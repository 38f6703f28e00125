"""Each format gives its text, by page and heading; bad files give the error that says what is wrong."""

import contextlib
import csv
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.adapters.file.extract import ocr
from backend.adapters.file.extract.read import read_file
from backend.core.errors import AppError, Code
from backend.core.ports.extract import Extracted
from tests.adapters.file.extract import files

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed: pictures are not read")


def read(path: Path, name: str | None = None, *, max_chars: int = 100_000) -> Extracted:
    return read_file(path, name or path.name, max_chars=max_chars, seconds=30)


def pieces(extracted: Extracted) -> list[tuple[int | None, str, str]]:
    return [(piece.page, piece.heading, piece.text) for piece in extracted.pieces]


def code_of(path: Path, name: str | None = None) -> Code:
    with pytest.raises(AppError) as caught:
        read(path, name)
    assert (name or path.name) in caught.value.message
    return caught.value.code


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_pdf_by_page(tmp_path: Path) -> None:
    extracted = read(files.pdf(tmp_path / "안내.pdf", "로그인 오류 안내", "둘째 쪽 second"))
    assert pieces(extracted) == [(1, "", "로그인 오류 안내"), (2, "", "둘째 쪽 second")]
    assert extracted.content_type == "application/pdf"


def test_encrypted_pdf(tmp_path: Path) -> None:
    assert code_of(files.pdf(tmp_path / "a.pdf", "secret", password="pw")) is Code.ATTACHMENT_ENCRYPTED


@needs_tesseract
def test_scanned_pdf(tmp_path: Path) -> None:
    extracted = read(files.scan(tmp_path / "scan.pdf", "Router reset failed"))
    assert [piece.page for piece in extracted.pieces] == [1]
    assert "reset" in extracted.pieces[0].text


@needs_tesseract
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_pictures(tmp_path: Path, name: str) -> None:
    extracted = read(files.picture(tmp_path / name, "Error code 4021"))
    assert "4021" in extracted.pieces[0].text


@needs_tesseract
def test_pictures_that_are_left_for_later(tmp_path: Path) -> None:
    picture, scanned = files.picture(tmp_path / "a.png", "Error"), files.scan(tmp_path / "scan.pdf", "Error")
    for path in (picture, scanned):
        extracted = read_file(path, path.name, max_chars=1000, seconds=30, ocr=False)
        assert extracted.pieces == ()
        assert extracted.waiting


def test_pictures_without_tesseract_have_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, scanned = files.picture(tmp_path / "a.png", "Error"), files.scan(tmp_path / "scan.pdf", "Error")
    monkeypatch.setenv("PATH", str(tmp_path))
    ocr.languages.cache_clear()
    try:
        assert read(path) == Extracted(content_type="image/png", pieces=())
        assert read(scanned) == Extracted(content_type="application/pdf", pieces=())
    finally:
        ocr.languages.cache_clear()


def test_word_by_heading(tmp_path: Path) -> None:
    assert pieces(read(files.word(tmp_path / "a.docx"))) == [
        (None, "", "머리말"),
        (None, "설치", "프로그램을 내려받습니다."),
        (None, "설치 > 윈도우", "항목 | 값\n합친 칸\n표 다음"),
    ]


def test_xml_entities_are_not_resolved(tmp_path: Path) -> None:
    text = " ".join(piece.text for piece in read(files.entities(tmp_path / "a.docx")).pieces)
    assert text.startswith("safe")
    assert "root:" not in text
    assert "aaaa" not in text


def test_sheets(tmp_path: Path) -> None:
    assert pieces(read(files.sheets(tmp_path / "a.xlsx"))) == [(None, "주문", "이름 | 수량\n홍길동 | 3")]


def test_a_small_csv_leaves_larger_ones_readable(tmp_path: Path) -> None:
    read(write(tmp_path / "small.csv", b"a,b\n1,2\n"))
    assert csv.field_size_limit() > 1_000_000, "the limit is one for the whole process"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["이름", "메모"], ["홍길동", '"줄\n바꿈"'], ["김철수", "환불 요청"]]
    path = write(tmp_path / "a.csv", "\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    assert pieces(read(path)) == [(None, "", "이름 | 메모\n홍길동 | 줄 바꿈\n김철수 | 환불 요청")]


@pytest.mark.parametrize(
    ("name", "data", "text", "content_type"),
    [
        ("a.txt", "한글 메모\r\n\r\n\r\n끝".encode(), "한글 메모\n\n끝", "text/plain"),
        ("a.log", "오류가 발생했습니다".encode("cp949"), "오류가 발생했습니다", "text/plain"),
        ("a.txt", "plain and 한글".encode("utf-16-le"), "plain and 한글", "text/plain"),
        ("a.md", b"no heading", "no heading", "text/markdown"),
        ("a.json", '{"키": "값"}'.encode(), '{"키": "값"}', "application/json"),
        ("noname", b"just text", "just text", "text/plain"),
        ("a.txt", "Café à la carte déjà vu, crème brûlée".encode("latin-1"), "Café à la carte déjà vu, crème brûlée", "text/plain"),
    ],
)
def test_text(tmp_path: Path, name: str, data: bytes, text: str, content_type: str) -> None:
    extracted = read(write(tmp_path / name, data))
    assert pieces(extracted) == [(None, "", text)]
    assert extracted.content_type == content_type


def test_slides_in_the_order_they_are_shown(tmp_path: Path) -> None:
    extracted = read(files.slides(tmp_path / "VPN 안내서.pptx"))
    assert extracted.content_type.endswith("presentationml.presentation")
    assert pieces(extracted) == [
        (1, "VPN 설치 안내", "첫 줄\n둘째 줄"),
        (2, "설정", "항목 | 값\n합친 칸\n묶음 안의 글\n요청 → 승인"),
        (2, "설정 > Notes", "발표자 노트: 인증서를 먼저 올립니다"),
        (4, "끝", "끝"),
    ]
    short = read(tmp_path / "VPN 안내서.pptx", max_chars=12)
    assert short.truncated
    assert [piece.page for piece in short.pieces] == [1, 2]


def test_slides_that_mean_harm(tmp_path: Path) -> None:
    declared = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">]>'
    path = files.slides(tmp_path / "a.pptx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.pptx", "w") as new:
        for name in old.namelist():
            text = old.read(name).decode().partition("?>")[2]
            new.writestr(name, f"{declared}{text.replace('끝', '&x; &a; end')}")
    text = " ".join(piece.text for piece in read(tmp_path / "b.pptx").pieces)
    assert "root:" not in text
    assert "aaaa" not in text
    assert text.endswith("end")
    assert code_of(files.bomb(tmp_path / "c.pptx", entry="ppt/presentation.xml")) is Code.ATTACHMENT_TOO_LARGE
    lost = tmp_path / "lost.pptx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(lost, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name)[: 200 if name.endswith("slide1.xml") else None])
    assert code_of(lost) is Code.ATTACHMENT_UNREADABLE


def test_markdown_by_heading(tmp_path: Path) -> None:
    text = """머리말

설치 안내
=========
내려받습니다.

## 윈도우 ##

```bash
# 주석이지 제목이 아닙니다
```

- 목록
---
| 표 | 값 |

### 오류
#태그는 제목이 아닙니다

맥
---
끝"""
    assert pieces(read(write(tmp_path / "안내.md", text.encode("cp949")))) == [
        (None, "", "머리말"),
        (None, "설치 안내", "내려받습니다."),
        (None, "설치 안내 > 윈도우", "```bash\n# 주석이지 제목이 아닙니다\n```\n\n- 목록\n---\n| 표 | 값 |"),
        (None, "설치 안내 > 윈도우 > 오류", "#태그는 제목이 아닙니다"),
        (None, "설치 안내 > 맥", "끝"),
    ]
    assert pieces(read(write(tmp_path / "a.md", b"# One\n# Two\n"))) == [(None, "One", "One"), (None, "Two", "Two")]


WHOLE: dict[str, Callable[[Path], Path]] = {
    "안내서.pdf": lambda path: files.pdf(path, "로그인 오류"),
    "안내서.docx": files.word,
    "안내서.xlsx": files.sheets,
    "안내서.pptx": files.slides,
    "안내서.png": lambda path: files.picture(path, "Error"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_of_each_kind_cut_off_anywhere(tmp_path: Path, name: str) -> None:
    """Its text, or an error that says that it is damaged and names the file."""
    data = WHOLE[name](tmp_path / name).read_bytes()
    assert read(tmp_path / name).content_type
    for tenths in range(1, 10):
        path = write(tmp_path / f"cut-{name}", data[: len(data) * tenths // 10])
        with contextlib.suppress(AppError):
            read(path)
            continue
        assert code_of(path) is Code.ATTACHMENT_UNREADABLE
    if name != "안내서.pdf":
        # PDFs are repaired by their reader; the others have their directory, or their end, at the end.
        assert code_of(write(tmp_path / name, data[: len(data) * 6 // 10])) is Code.ATTACHMENT_UNREADABLE


def test_html_by_heading(tmp_path: Path) -> None:
    path = write(tmp_path / "a.htm", "<html><body><h1>가</h1><p>나</p><h2>다</h2><script>x</script><p>라</p>".encode())
    assert pieces(read(path)) == [(None, "가", "나"), (None, "가 > 다", "라")]
    korean = write(tmp_path / "b.html", '<html><meta charset="euc-kr"><body>한글'.encode("cp949"))
    assert read(korean).pieces[0].text == "한글"


def test_bytes_count_more_than_names(tmp_path: Path) -> None:
    misnamed = files.picture(tmp_path / "a.png", "x").rename(tmp_path / "invoice.pdf")
    assert read(misnamed).content_type == "image/png"
    sheet = files.sheets(tmp_path / "a.xlsx").rename(tmp_path / "a.docx")
    assert read(sheet).pieces[0].heading == "주문"
    page = write(tmp_path / "page.pdf", b"<!DOCTYPE html><html><body>error page")
    assert read(page).content_type == "text/html"


def test_text_is_cut_at_the_limit(tmp_path: Path) -> None:
    extracted = read(write(tmp_path / "a.txt", "가나다라 ".encode() * 1000), max_chars=101)
    assert sum(len(piece.text) for piece in extracted.pieces) <= 101
    assert extracted.truncated
    paged = read(files.pdf(tmp_path / "a.pdf", "first page", "second page", "third page"), max_chars=15)
    assert [piece.text for piece in paged.pieces] == ["first page", "secon"]
    assert paged.truncated
    exact = read(write(tmp_path / "b.txt", b"12345"), max_chars=5)
    assert not exact.truncated


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.pdf", b"", Code.ATTACHMENT_EMPTY),
        ("bad.pdf", b"%PDF-1.7 nothing more", Code.ATTACHMENT_UNREADABLE),
        ("bad.docx", b"PK\x03\x04 nothing more", Code.ATTACHMENT_UNREADABLE),
        ("bad.pptx", b"PK\x03\x04 nothing more", Code.ATTACHMENT_UNREADABLE),
        ("한글 이름.pptx", bytes(range(256)) * 8, Code.ATTACHMENT_UNREADABLE),
        ("old.ppt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "PowerPoint Document".encode("utf-16-le"), Code.ATTACHMENT_UNSUPPORTED),
        ("locked.pptx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), Code.ATTACHMENT_ENCRYPTED),
        ("empty.md", b"", Code.ATTACHMENT_EMPTY),
        ("empty.html", b"", Code.ATTACHMENT_EMPTY),
        ("bad.png", b"\x89PNG\r\n\x1a\n nothing more", Code.ATTACHMENT_UNREADABLE),
        ("bad.pdf", bytes(range(256)) * 8, Code.ATTACHMENT_UNREADABLE),
        ("thing.bin", bytes(range(256)) * 8, Code.ATTACHMENT_UNSUPPORTED),
        ("movie.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", Code.ATTACHMENT_UNSUPPORTED),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), Code.ATTACHMENT_UNSUPPORTED),
        ("locked.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), Code.ATTACHMENT_ENCRYPTED),
        ("bad.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), Code.ATTACHMENT_UNREADABLE),
    ],
)
def test_bad_files(tmp_path: Path, name: str, data: bytes, code: Code) -> None:
    assert code_of(write(tmp_path / name, data)) is code


def test_a_cut_off_picture_and_a_plain_archive(tmp_path: Path) -> None:
    whole = files.picture(tmp_path / "a.png", "x").read_bytes()
    assert code_of(write(tmp_path / "cut.png", whole[: len(whole) // 2])) is Code.ATTACHMENT_UNREADABLE
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    assert code_of(tmp_path / "a.zip") is Code.ATTACHMENT_UNSUPPORTED


def test_bombs_are_refused(tmp_path: Path) -> None:
    assert code_of(files.bomb(tmp_path / "a.docx")) is Code.ATTACHMENT_TOO_LARGE
    assert code_of(files.bomb(tmp_path / "a.xlsx", entry="xl/workbook.xml")) is Code.ATTACHMENT_TOO_LARGE
    assert code_of(files.huge_picture(tmp_path / "a.png")) is Code.ATTACHMENT_TOO_LARGE


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert code_of(tmp_path / "gone.pdf") is Code.ATTACHMENT_NOT_FOUND
