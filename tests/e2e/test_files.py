"""A folder of exports and documents becomes answers with citations, and follows when it changes."""

import csv
import io
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from tests.e2e.trip import running_trip

HEADINGS = ["문의번호", "제목", "문의내용", "답변내용", "상태", "우선순위", "고객명", "접수일시", "처리일시", "주문번호"]
FIRST = ["1001", "결제가 두 번 되었어요", "카드로 한 번 결제했는데 이중 결제로 청구되었습니다."]
ROWS = [
    [*FIRST, "중복 승인 한 건을 취소해 드렸습니다.", "답변완료", "긴급", "김하늘", "2025-11-03 14:05", "2025-11-03 15:10", "A-771"],
    [
        "1002",
        "로그인이 안 됩니다",
        "비밀번호를 바꾼 뒤 로그인이 되지 않아요;\n오류 코드는 E-403 입니다.",
        "브라우저 쿠키를 지우세요.",
        "종료",
    ],
    ["", "번호가 없는 행", "이 행은 문의번호가 비어 있습니다.", "", "접수", "낮음", "이름없음", "2025-11-05 10:00"],
]


def write_export(path: Path, rows: list[list[str]]) -> None:
    """As a Korean spreadsheet program saves it: CP949, semicolons."""
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([HEADINGS, *rows])
    beside = path.with_suffix(".new")
    beside.write_bytes(text.getvalue().encode("cp949"))
    beside.replace(path)


def write_pdf(path: Path, text: str) -> None:
    """A page of text."""
    pdfmetrics.registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))
    canvas = Canvas(str(path), invariant=True)
    canvas.setFont("HYSMyeongJo-Medium", 12)
    canvas.drawString(72, 720, text)
    canvas.save()


async def test_a_korean_export_and_a_pdf_become_answers_and_follow(tmp_path: Path) -> None:
    folder = tmp_path / "roots" / "hanbit"
    (folder / "guides").mkdir(parents=True)
    write_export(folder / "tickets.csv", ROWS)
    write_pdf(folder / "guides" / "반품_안내.pdf", "반품 배송비는 왕복 육천원이며 마이페이지에서 수거를 신청합니다.")
    async with running_trip(tmp_path / "data", file_roots=str(tmp_path / "roots")) as trip:
        hanbit = await trip.onboard("hanbit")
        made = await hanbit.post("/connections", {"platform": "file", "domain": "folder", "credentials": {}})
        hanbit.connection_id = made["connection_id"]
        report = {ability["name"]: ability["message"] for ability in made["report"]["abilities"]}
        assert "tickets.csv (CSV, cp949, semicolon" in report["tickets"]
        assert "반품_안내.pdf" in report["articles"]

        run = await hanbit.sync()
        assert (run["state"], run["counts"]["stored"], run["counts"]["failed"]) == ("completed", 3, 1), run
        failed = (await hanbit.get(f"/connections/{hanbit.connection_id}/failures"))["items"]
        assert "tickets.csv, row 4" in failed[0]["message"]
        answer = await hanbit.ask("카드로 결제가 두 번 되었는데 이중 결제로 청구되었어요")
        assert "1001" in {hit["original_id"] for hit in answer["tickets"]}
        assert {"1001"} == {citation["original_id"] for citation in answer["answer"]["citations"]}
        of_pdf = await hanbit.ask("반품 배송비는 왕복 얼마인가요?")
        cited = [citation for citation in of_pdf["answer"]["citations"] if "육천원" in citation["quote"]]
        assert cited
        assert cited[0]["page"] == 1

        again = await hanbit.sync()
        # Nothing is listed; the row that failed is tried once more.
        assert (again["counts"]["listed"], again["counts"]["stored"], again["counts"]["llm_calls"]) == (1, 0, 0), again

        changed = [[*FIRST, "환불은 당일에 처리되었습니다.", *ROWS[0][4:]]]
        write_export(folder / "tickets.csv", changed)
        followed = await hanbit.sync()
        assert (followed["counts"]["stored"], followed["counts"]["deleted"]) == (1, 1), followed
        assert "당일" in (await hanbit.ask("카드로 결제가 두 번 되었는데 이중 결제로 청구되었어요"))["answer"]["text"]
        left = {hit["original_id"] for hit in (await hanbit.ask("로그인이 안 되고 오류 코드 E-403이 나와요"))["tickets"]}
        assert "1002" not in left
        assert not (await hanbit.get(f"/connections/{hanbit.connection_id}/failures"))["items"]


async def test_an_export_cut_short_is_held_and_a_renamed_one_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "roots" / "hanbit"
    folder.mkdir(parents=True)
    many = [[str(number), f"문의 {number}", f"내용 {number}", "", "접수", "보통", "고객", "2025-11-03 10:00"] for number in range(60)]
    write_export(folder / "tickets.csv", many)
    (folder / "old.md").write_text("# 안내\n\n반품은 7일 안에 됩니다.", encoding="utf-8")
    async with running_trip(tmp_path / "data", file_roots=str(tmp_path / "roots")) as trip:
        hanbit = await trip.onboard("hanbit")
        made = await hanbit.post("/connections", {"platform": "file", "domain": "folder", "credentials": {}})
        hanbit.connection_id = made["connection_id"]
        assert (await hanbit.sync())["counts"]["stored"] == 61

        write_export(folder / "tickets.csv", many[:20])
        held = await hanbit.sync()
        assert (held["state"], held["error_code"]) == ("completed", "deletions_held")
        assert (held["counts"]["held"], held["counts"]["deleted"]) == (40, 0)

        # The whole export is back, under another name: nothing is held, read or deleted; a document moves.
        (folder / "tickets.csv").unlink()
        write_export(folder / "2026.csv", many)
        (folder / "old.md").rename(folder / "new.md")
        back = await hanbit.sync()
        assert (back["counts"]["held"], back["counts"]["stored"], back["counts"]["deleted"]) == (0, 1, 1), back
        assert (await hanbit.get(f"/connections/{hanbit.connection_id}/deletions"))["total"] == 0

        # An encrypted or damaged file is one failure that names it, and what was read of it before stays.
        (folder / "2026.csv").write_bytes(b"")
        (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
        broken = await hanbit.sync()
        assert (broken["state"], broken["counts"]["deleted"], broken["counts"]["held"]) == ("completed", 0, 0), broken
        failed = {each["original_id"]: each for each in (await hanbit.get(f"/connections/{hanbit.connection_id}/failures"))["items"]}
        assert set(failed) == {"2026.csv", "broken.pdf"}
        assert all(name in failure["message"] for name, failure in failed.items())
