"""An account export from the command line: written by the sandbox, imported, and told what it cost and where the next sync goes on."""

from pathlib import Path

from tests.cli.conftest import TICKETS, Desklore, World


def test_an_export_is_imported_and_tells_where_the_next_sync_goes_on(
    world: World, company: str, desklore: Desklore, tmp_path: Path
) -> None:
    file = tmp_path / "내보내기.zip"
    assert desklore("sandbox", "export", str(file), "--tickets", str(TICKETS)).code == 0
    again = desklore("sandbox", "export", str(file), "--json")
    assert (again.code, "--overwrite" in again.document["error"]["message"]) == (2, True), "nothing is replaced unasked"
    place = ("freshdesk", "hanbit.freshdesk.com", "--base-url", world.sandbox.url, "--secret", f"api_key={world.sandbox.api_key}")
    connection = desklore("connections", "add", *place, "--json").document["connection_id"]
    # A paused one is not synced by itself while its export is made, and takes it all the same.
    assert desklore("connections", "pause", connection).code == 0
    told = desklore("connections", "import", connection, str(file))
    assert told.code == 0, told
    assert "importing 내보내기.zip" in told.out
    assert "API calls for" in told.out
    assert "The next sync reads what changed since" in told.out
    again = desklore("connections", "import", connection, str(file), "--json")
    assert (again.code, again.document["options"]["mode"], again.document["counts"]["stored"]) == (0, "import", 0), again


def test_what_is_no_export_is_told_in_one_line(world: World, company: str, desklore: Desklore, tmp_path: Path) -> None:
    place = ("freshdesk", "hanbit.freshdesk.com", "--base-url", world.sandbox.url, "--secret", f"api_key={world.sandbox.api_key}")
    connection = desklore("connections", "add", *place, "--json").document["connection_id"]
    (tmp_path / "letter.txt").write_text("안녕하세요")
    wrong = desklore("connections", "import", connection, str(tmp_path / "letter.txt"), "--json")
    assert wrong.code != 0
    assert wrong.document["error"]["code"] == "export_unreadable"
    missing = desklore("connections", "import", connection, str(tmp_path / "nothing.zip"), "--json")
    assert (missing.code, "does not exist" in missing.document["error"]["message"]) == (2, True)
