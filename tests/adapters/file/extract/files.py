"""Real files of every format, made on the spot."""

import io
import zipfile
from pathlib import Path

import docx
import openpyxl
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

KOREAN_FONT = "HYSMyeongJo-Medium"


def pdf(path: Path, *pages: str, password: str | None = None) -> Path:
    """A PDF with a line of text on each page."""
    pdfmetrics.registerFont(UnicodeCIDFont(KOREAN_FONT))
    canvas = Canvas(str(path), encrypt=StandardEncryption(password) if password else None)
    for text in pages:
        canvas.setFont(KOREAN_FONT, 14)
        canvas.drawString(80, 700, text)
        canvas.showPage()
    canvas.save()
    return path


def scan(path: Path, text: str) -> Path:
    """A PDF whose only page is a picture of text."""
    buffer = picture(path.with_suffix(".png"), text)
    canvas = Canvas(str(path))
    canvas.drawImage(str(buffer), 50, 600, width=450, height=90)
    canvas.showPage()
    canvas.save()
    return path


def picture(path: Path, text: str) -> Path:
    """A picture of Latin text."""
    image = Image.new("RGB", (1000, 200), "white")
    ImageDraw.Draw(image).text((40, 60), text, fill="black", font=ImageFont.load_default(size=64))
    image.save(path, format="JPEG" if path.suffix in (".jpg", ".jpeg") else "PNG")
    return path


def word(path: Path) -> Path:
    """A Word document with headings, a table with a merged cell, and a list."""
    document = docx.Document()
    document.add_paragraph("머리말")
    document.add_heading("설치", level=1)
    document.add_paragraph("프로그램을 내려받습니다.")
    document.add_heading("윈도우", level=2)
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).text = "항목"
    table.cell(0, 1).text = "값"
    table.cell(1, 0).merge(table.cell(1, 1)).text = "합친 칸"
    document.add_paragraph("표 다음")
    document.save(str(path))
    return path


def sheets(path: Path) -> Path:
    """A workbook with two sheets, one of them hidden."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "주문"
    sheet.append(["이름", "수량", None])
    sheet.append(["홍길동", 3.0, None])
    hidden = book.create_sheet("숨김")
    hidden.append(["비밀"])
    hidden.sheet_state = "hidden"
    book.save(path)
    return path


def bomb(path: Path, *, entry: str = "word/document.xml", size: int = 30_000_000) -> Path:
    """A small archive that unpacks to a lot of zeros."""
    chunk = bytes(1_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(entry, "w", force_zip64=True) as file:
        for _ in range(size // len(chunk)):
            file.write(chunk)
    return path


def entities(path: Path) -> Path:
    """A Word document whose XML declares an external entity and a pile of nested ones."""
    source = io.BytesIO()
    docx.Document().save(source)
    xml = (
        '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">'
        '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        "<w:p><w:r><w:t>safe &x; &c;</w:t></w:r></w:p></w:body></w:document>"
    )
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, xml if name == "word/document.xml" else old.read(name))
    return path


def huge_picture(path: Path) -> Path:
    """A few kilobytes that unpack to 400 million pixels."""
    Image.new("1", (20_000, 20_000)).save(path, format="PNG")
    return path


_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SPACES = f'xmlns:a="{_DRAWING}" xmlns:p="{_SLIDE}" xmlns:r="{_RELATIONS}"'


def slides(path: Path, *, body: str = "") -> Path:
    """A presentation of four slides, stored in another order than shown: with a table, a group, notes, a diagram, and a hidden one."""
    table = (
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr>" + _cell("항목") + _cell("값") + "</a:tr><a:tr>"
        '<a:tc gridSpan="2"><a:txBody><a:p><a:r><a:t>합친 칸</a:t></a:r></a:p></a:txBody></a:tc>'
        '<a:tc hMerge="1"><a:txBody><a:p/></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>'
    )
    group = f"<p:grpSp>{_shape('묶음 안의 글')}</p:grpSp>"
    parts = {
        "ppt/presentation.xml": f'<p:presentation {_SPACES}><p:sldIdLst><p:sldId id="256" r:id="rId3"/><p:sldId id="257" r:id="rId2"/>'
        '<p:sldId id="258" r:id="rId4"/><p:sldId id="259" r:id="rId5"/></p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": _rels(
            ("rId2", "slide", "slides/slide1.xml"),
            ("rId3", "slide", "/ppt/slides/slide2.xml"),
            ("rId4", "slide", "slides/slide3.xml"),
            ("rId5", "slide", "slides/slide4.xml"),
        ),
        "ppt/slides/slide2.xml": _slide(
            _shape("VPN 설치 안내", "ctrTitle") + _shape("2026년 3월", "dt") + _shape("첫 줄</a:t></a:r><a:br/><a:r><a:t>둘째 줄")
        ),
        "ppt/slides/slide1.xml": _slide(_shape("설정", "title") + table + group + _shape("7", "sldNum") + body),
        "ppt/slides/_rels/slide1.xml.rels": _rels(
            ("rId1", "notesSlide", "../notesSlides/notesSlide1.xml"), ("rId2", "diagramData", "../diagrams/data1.xml")
        ),
        "ppt/notesSlides/notesSlide1.xml": _slide(_shape("", "sldImg") + _shape("발표자 노트: 인증서를 먼저 올립니다", "body")),
        "ppt/diagrams/data1.xml": f"<p:dataModel {_SPACES}><a:p><a:r><a:t>요청 → 승인</a:t></a:r></a:p></p:dataModel>",
        "ppt/slides/slide3.xml": _slide(_shape("비밀", "title"), ' show="0"'),
        "ppt/slides/slide4.xml": _slide(_shape("끝", "title")),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{xml}' if not xml.startswith("<?xml") else xml)
    return path


def _slide(shapes: str, attributes: str = "") -> str:
    return f"<p:sld {_SPACES}{attributes}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"


def _shape(text: str, role: str = "") -> str:
    place = f'<p:nvPr><p:ph type="{role}"/></p:nvPr>' if role else "<p:nvPr/>"
    return f"<p:sp><p:nvSpPr>{place}</p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def _cell(text: str) -> str:
    return f"<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"


def _rels(*relations: tuple[str, str, str]) -> str:
    rows = "".join(f'<Relationship Id="{key}" Type="{_RELATIONS}/{kind}" Target="{target}"/>' for key, kind, target in relations)
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'
