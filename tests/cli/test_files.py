"""Files from the command line: connected, previewed, declared, uploaded, listed, read and deleted."""

import io
import json
import zipfile
from pathlib import Path

from backend.cli.files import SentFile
from tests.cli.conftest import Desklore, World

NEW_YEAR = "2025-01-01T00:00:00Z"
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


def test_an_account_export_is_shown_as_what_it_is(company: str, desklore: Desklore, tmp_path: Path) -> None:
    ticket = {"display_id": 7, "subject": "결제가 두 번 되었어요", "status": 2, "notes": [], "created_at": NEW_YEAR, "updated_at": NEW_YEAR}
    article = {"id": 5, "title": "환불 안내", "description": "<p>7일 안에</p>", "status": 2, "created_at": NEW_YEAR, "updated_at": NEW_YEAR}
    folders = [{"id": 3, "name": "결제", "visibility": 1, "articles": [article]}]
    export = {
        "Tickets0.json": [{"helpdesk_ticket": ticket}],
        "Solutions0.json": [{"category": {"id": 1, "name": "도움말", "all_folders": folders}}],
        "Users0.json": [{"user": {"id": 11, "name": "김하늘", "email": "sky@example.com"}}],
        "settings.json": {"sso_secret": "x"},
    }
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for name, records in export.items():
            archive.writestr(name, json.dumps(records))
    connection = desklore("connections", "add", "file", "uploads", "--json").document["connection_id"]
    shown = desklore("files", "preview", connection, str(tmp_path / "export.zip")).out
    assert "결제가 두 번 되었어요" in shown, shown
    told = [line.split() for line in shown.splitlines()]
    for name, kind in (("Users0.json", "names"), ("settings.json", "passed_over"), ("Solutions0.json", "articles")):
        assert any({name, kind, "freshdesk"} <= set(line) for line in told), (name, shown)
    assert desklore("files", "upload", connection, str(tmp_path / "export.zip")).code == 0
    read = desklore("sync", connection, "--json")
    assert read.code == 0, read
    listed = {each["path"]: each["kind"] for each in desklore("files", "list", connection, "--json").document["items"]}
    assert listed == {
        "upload:Solutions0.json": "articles",
        "upload:Tickets0.json": "tickets",
        "upload:Users0.json": "names",
        "upload:settings.json": "passed_over",
    }
    one = desklore("files", "preview", connection, "upload:Solutions0.json").out
    assert "환불 안내" in one
    assert "public" in one
    assert "named in tickets" in desklore("files", "preview", connection, "upload:Users0.json").out
    assert "passed over" in desklore("files", "preview", connection, "upload:settings.json").out
    checked = desklore("connections", "check", "file", "uploads")
    assert checked.code == 0, checked
