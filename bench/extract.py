"""How many pages of text PDF a second are extracted on one core, beside the bare library, and in how much memory.

Run it with `python -m bench.extract [pages]`; `make bench` collects what `main` returns.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from backend.adapters.file.extract.process import ProcessExtractor
from backend.adapters.file.extract.read import read_file

PAGES = 2_000
TARGET_PAGES_PER_SECOND = 300.0
MEMORY_MB = 1024
"""What a worker may have at most: as the product's default."""
_EVERYTHING = 100_000_000
_LINES = 45
_FONT = "HYSMyeongJo-Medium"
_TEXT = """로그인 오류가 발생했습니다 결제 환불 요청 관리자 화면에서 설정을 변경한 뒤 다시 시도해 주세요 인증서 만료
The invoice was sent twice because webhook retries are not idempotent; see section 4.2 of the manual"""
_WORDS = _TEXT.split()


def _make(path: Path, pages: int) -> int:
    """A manual of so many pages, 45 lines each; returns how many characters a page has about."""
    rng = random.Random(7)
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    canvas = Canvas(str(path))
    written = 0
    for _ in range(pages):
        canvas.setFont(_FONT, 10)
        for line in range(_LINES):
            text = " ".join(rng.choices(_WORDS, k=8))
            written += len(text) + 1
            canvas.drawString(50, 800 - line * 16, text)
        canvas.showPage()
    canvas.save()
    return written // pages


def _floor(path: Path) -> int:
    """The library alone: every page's text, thrown away."""
    document = pypdfium2.PdfDocument(path)
    characters = 0
    for number in range(len(document)):
        characters += len(document[number].get_textpage().get_text_bounded())
    document.close()
    return characters


def _ours(path: Path) -> int:
    extracted = read_file(path, path.name, max_chars=_EVERYTHING, seconds=600, ocr=False)
    return sum(len(piece.text) for piece in extracted.pieces)


def _timed(read: Callable[[Path], int], path: Path, pages: int) -> dict[str, float]:
    """Pages a second by the wall's clock, and by the processor's: what one core does when nobody else is on it."""
    wall, busy = time.perf_counter(), time.process_time()
    characters = read(path)
    busy, wall = time.process_time() - busy, time.perf_counter() - wall
    return {"pages_per_second": pages / wall, "pages_per_core_second": pages / busy, "characters": characters}


async def _in_worker(path: Path, pages: int) -> dict[str, float]:
    """As the product reads: in a process that is limited, and whose answer comes back as one line."""
    extractor = ProcessExtractor(600, MEMORY_MB, _EVERYTHING)
    small = path.with_name("warm.txt")
    small.write_text("warm", encoding="utf-8")
    await extractor.extract(small, "warm.txt", ocr=False)
    began = time.perf_counter()
    extracted = await extractor.extract(path, path.name, ocr=False)
    wall = time.perf_counter() - began
    await extractor.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "pages_per_second": pages / wall,
        "pages_per_core_second": pages / (used.ru_utime + used.ru_stime),
        "characters": sum(len(piece.text) for piece in extracted.pieces),
        "memory_mb": used.ru_maxrss / 1024,
    }


def main(pages: int = PAGES) -> dict[str, Any]:
    """Make the file, read it three ways, print a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manual.pdf"
        density = _make(path, pages)
        size = path.stat().st_size
        _floor(path)
        rows = {"library alone": _timed(_floor, path, pages), "read_file": _timed(_ours, path, pages)}
        rows["in a worker"] = asyncio.run(_in_worker(path, pages))
    for line in _table(pages, density, size, rows):
        print(line)
    reached = rows["in a worker"]["pages_per_core_second"]
    return {"name": "extract", "pages": pages, "bytes": size, "rows": rows, "target_met": reached >= TARGET_PAGES_PER_SECOND}


def _table(pages: int, density: int, size: int, rows: dict[str, dict[str, float]]) -> Iterator[str]:
    yield f"{pages:,} pages of some {density:,} characters, {size / 1e6:.1f} MB; target: >= {TARGET_PAGES_PER_SECOND:.0f} pages/s per core"
    yield f"{'':20}{'pages/s':>12}{'pages/core s':>14}{'characters':>14}"
    for name, row in rows.items():
        yield f"{name:20}{row['pages_per_second']:12,.0f}{row['pages_per_core_second']:14,.0f}{row['characters']:14,.0f}"
    yield f"peak memory of the worker {rows['in a worker']['memory_mb']:,.0f} MB"


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else PAGES)))
