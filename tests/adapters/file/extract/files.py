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
