"""Files from the command line: connected, previewed, declared, uploaded, listed, read and deleted."""

import io
import zipfile
from pathlib import Path

from backend.cli.files import SentFile
from tests.cli.conftest import Desklore, World

EXPORT = "번호;제목;내용;상태;접수일\n1;로그인이 안 돼요;비밀번호를 바꿨어요;접수;2025-11-03\n;번호 없음;내용;접수;2025-11-03\n"


def test_an_export_is_looked_at_then_read(world: World, company: str, desklore: Desklore, tmp_path: Path) -> None:
    export = tmp_path / "tickets.csv"
    export.write_bytes(EXPORT.encode("cp949"))
    added = desklore("connections", "add", "file", "uploads", "--json")
    assert added.code == 0, added
    connection = added.document["connection_id"]
    shown = desklore("files", "preview", connection, str(export))
    assert "tickets.csv: tickets (CSV, cp949, semicolon)" in shown.out, shown
    assert "로그인이 안 돼요" in shown.out
    assert "! row 3:" in shown.out

    kept = desklore("files", "upload", connection, str(export), "--json")
    assert [each["path"] for each in kept.document["items"]] == ["tickets.csv"], kept
    declaration = tmp_path / "declared.yaml"
    declaration.write_text('files: {"*.csv": {timezone: Asia/Seoul}}', encoding="utf-8")
    assert desklore("files", "declare", connection, str(declaration)).code == 0
    assert "Asia/Seoul" in desklore("files", "declare", connection).out
    again = desklore("files", "preview", connection, "upload:tickets.csv", "--json").document
    assert (again["timezone"], again["tickets"][0]["created_at"]) == ("Asia/Seoul", "2025-11-02T15:00:00Z")

    read = desklore("sync", connection, "--json")
    assert (read.code, "row 3" in desklore("failures", "list", connection).out) == (0, True), read
    [listed] = desklore("files", "list", connection, "--json").document["items"]
    assert (listed["path"], listed["kind"]) == ("upload:tickets.csv", "tickets")
    assert desklore("files", "delete", connection, "upload:tickets.csv", "--json").document == {"deleted": 1}
    assert desklore("files", "delete", connection, "upload:tickets.csv").code == 3
    assert desklore("files", "declare", connection, str(declaration), "--off").code == 2


def test_of_many_files_some_are_named_and_the_rest_is_counted(company: str, desklore: Desklore, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(25):
            archive.writestr(f"문서/안내-{number:02}.md", f"# 안내 {number:02}")
    (tmp_path / "docs.zip").write_bytes(packed.getvalue())
    connection = desklore("connections", "add", "file", "uploads", "--json").document["connection_id"]
    told = desklore("files", "upload", connection, str(tmp_path / "docs.zip")).out
    assert "안내-19.md" in told
    assert "안내-20.md" not in told
    assert f"… and 5 more, {5 * len('# 안내 00'.encode())} bytes." in told
    assert len(desklore("files", "upload", connection, str(tmp_path / "docs.zip"), "--json").document["items"]) == 25


def test_what_is_sent_is_told_in_megabytes(tmp_path: Path) -> None:
    path, told = tmp_path / "big.csv", list[tuple[str, int, int]]()
    path.write_bytes(b"x" * 3_500_000)
    with SentFile(path, lambda *now: told.append(now)) as file:
        while file.read(1_000_000):
            pass
    assert told == [("big.csv (MB)", done, 3) for done in (1, 2, 3, 3, 3)]
