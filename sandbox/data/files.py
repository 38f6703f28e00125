"""The bytes of attachments: small, valid, and the same every time."""

import csv
import html
import io
import zipfile
import zlib
from collections.abc import Callable
from xml.sax.saxutils import escape

from sandbox.data.model import Attachment

BIG_FILE_BYTES = 20 * 1024 * 1024
PDF_PASSWORD = "hanbit-2026"  # noqa: S105 - it locks one made-up file, on purpose
_ZIP_TIME = (2026, 1, 1, 0, 0, 0)
_OFFICE = "http://schemas.openxmlformats.org"


def content(attachment: Attachment) -> bytes:
    """The file itself; kinds are those of `evidence.TYPES`."""
    return _MAKERS[attachment.kind](attachment)


def _text(attachment: Attachment) -> bytes:
    return "\n".join(attachment.lines).encode() + b"\n"


def _log(attachment: Attachment) -> bytes:
    levels = ("INFO", "WARN", "ERROR", "ERROR", "INFO")
    return "".join(
        f"2026-01-01 00:00:{n:02d} {level} {line}\n" for n, (level, line) in enumerate(zip(levels, attachment.lines, strict=False))
    ).encode()


def _csv(attachment: Attachment) -> bytes:
    """In cp949, as spreadsheet programs on Korean Windows save it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["번호", "내용"])
    writer.writerows((n, line) for n, line in enumerate(attachment.lines, 1))
    return out.getvalue().encode("cp949")


def _html(attachment: Attachment) -> bytes:
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in attachment.lines)
    title = html.escape(attachment.name)
    return f"<!doctype html><meta charset='utf-8'><title>{title}</title><body>{lines}<script>var hidden=1</script></body>".encode()


def _zip(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _package(main: str, main_type: str) -> dict[str, str]:
    types = f"{_OFFICE}/package/2006/content-types"
    rels = f"{_OFFICE}/package/2006/relationships"
    document = f"{_OFFICE}/officeDocument/2006/relationships/officeDocument"
    office = "application/vnd.openxmlformats-officedocument"
    overrides = f'<Override PartName="/{main}" ContentType="{office}.{main_type}.main+xml"/>'
    if main.startswith("xl/"):
        overrides += f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{office}.spreadsheetml.worksheet+xml"/>'
    return {
        "[Content_Types].xml": (
            f'<?xml version="1.0" encoding="UTF-8"?><Types xmlns="{types}">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
        ),
        "_rels/.rels": (
            f'<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="{rels}">'
            f'<Relationship Id="rId1" Type="{document}" Target="{main}"/></Relationships>'
        ),
    }


def _docx(attachment: Attachment) -> bytes:
    lines = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in attachment.lines)
    space = f"{_OFFICE}/wordprocessingml/2006/main"
    body = f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{space}"><w:body>{lines}</w:body></w:document>'
    return _zip(_package("word/document.xml", "wordprocessingml.document") | {"word/document.xml": body})


def _xlsx(attachment: Attachment) -> bytes:
    space = f"{_OFFICE}/spreadsheetml/2006/main"
    rel = f"{_OFFICE}/officeDocument/2006/relationships"
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="inlineStr"><is><t>{escape(line)}</t></is></c></row>'
        for n, line in enumerate(attachment.lines, 1)
    )
    parts = _package("xl/workbook.xml", "spreadsheetml.sheet") | {
        "xl/workbook.xml": (
            f'<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="{space}" xmlns:r="{rel}">'
            '<sheets><sheet name="Orders" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="{_OFFICE}/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
        ),
        "xl/worksheets/sheet1.xml": (
            f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'
        ),
    }
    return _zip(parts)


def _pdf(attachment: Attachment, password: str | None = None) -> bytes:
    # ReportLab takes 0.15 s to import; only the first PDF of a process pays for it.
    from reportlab.lib.pdfencrypt import StandardEncryption  # noqa: PLC0415
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415

    font = "HYSMyeongJo-Medium"
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    out = io.BytesIO()
    lock = StandardEncryption(password, f"{password}-owner", strength=128) if password else None
    canvas = Canvas(out, invariant=1, encrypt=lock)
    canvas.setFont(font, 18)
    canvas.drawString(72, 760, attachment.name.rsplit(".", 1)[0])
    canvas.setFont(font, 11)
    for n, line in enumerate(attachment.lines):
        canvas.drawString(72, 720 - 22 * n, line)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _locked(attachment: Attachment) -> bytes:
    return _pdf(attachment, PDF_PASSWORD)


def _png(attachment: Attachment) -> bytes:
    # Pillow is imported with the first picture, to keep the start short.
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    picture = Image.new("L", (900, 60 + 44 * max(1, len(attachment.lines))), 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=28)
    for n, line in enumerate(attachment.lines):
        draw.text((28, 24 + 44 * n), line, fill=0, font=font)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _logo(_: Attachment) -> bytes:
    """A plain 24 x 24 square, written by hand: signatures repeat it thousands of times."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (24).to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress((b"\0" + b"\x66" * 24) * 24)) + chunk(b"IEND", b"")


def _big(attachment: Attachment) -> bytes:
    """Exactly 20 MB: Freshdesk's limit for the attachments of one message."""
    head = _log(attachment)
    filler = b"2026-01-01 00:00:00 DEBUG heartbeat ok\n"
    return (head + filler * (BIG_FILE_BYTES // len(filler) + 1))[:BIG_FILE_BYTES]


def _empty(_: Attachment) -> bytes:
    return b""


_MAKERS: dict[str, Callable[[Attachment], bytes]] = {
    "pdf": _pdf,
    "docx": _docx,
    "xlsx": _xlsx,
    "csv": _csv,
    "txt": _text,
    "html": _html,
    "png": _png,
    "log": _log,
    "empty": _empty,
    "misnamed": _png,
    "locked": _locked,
    "big": _big,
    "logo": _logo,
}
