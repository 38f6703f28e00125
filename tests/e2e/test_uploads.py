"""Uploads: zips, previews, declarations, deletion; and nobody else's."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.trip import Tenant, running_trip

TICKETS = "Ref;Topic;What happened;State;When\n7;Export hangs;The export never ends at 99 percent;검토중;03.11.2025 14:05\n".encode()
GUIDE = "# 내보내기\n\n내보내기가 99퍼센트에서 멈추면 브라우저 확장을 끄고 다시 시도합니다.\n".encode()
DECLARED = """
files:
  "*.csv":
    columns: {id: Ref, subject: Topic, description: What happened, status: State, created_at: When}
    timezone: Asia/Seoul
    day_first: true
    statuses: {검토중: pending}
  "*.md": {visibility: public, title: 내보내기 안내}
"""


def packed(entries: Mapping[str, bytes]) -> bytes:
    """A zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


async def send(tenant: Tenant, name: str, data: bytes, *, where: str = "files", **fields: Any) -> httpx.Response:
    """Post a file."""
    return await tenant.client.post(f"/api/v1/connections/{tenant.connection_id}/{where}", files={"file": (name, data)}, data=fields)


async def connected(tenant: Tenant) -> Tenant:
    """With a connection that reads uploads."""
    made = await tenant.post("/connections", {"platform": "file", "domain": "uploads", "credentials": {}})
    tenant.connection_id = made["connection_id"]
    return tenant


async def test_uploads_are_previewed_declared_read_replaced_and_deleted(tmp_path: Path) -> None:
    async with running_trip(tmp_path / "data") as trip:
        acme, bravo = await connected(await trip.onboard("acme")), await connected(await trip.onboard("bravo"))
        files = f"/connections/{acme.connection_id}/files"
        kept = await send(acme, "old.zip", packed({"tickets.csv": TICKETS, "docs/guide.md": GUIDE, ".DS_Store": b"x"}))
        assert kept.status_code == 201, kept.text
        assert [each["path"] for each in kept.json()["items"]] == ["tickets.csv", "docs/guide.md"]
        # Its headings are nobody's; what they mean is declared.
        guessed = (await acme.client.post(f"/api/v1{files}/preview", files={"path": (None, "upload:tickets.csv")})).json()
        assert guessed["kind"] == "document"
        by_its_name = await acme.client.post(f"/api/v1{files}/preview", files={"path": (None, "tickets.csv")})
        assert by_its_name.json() == guessed, "an upload may be called as it was when it was uploaded"
        missing = await acme.client.post(f"/api/v1{files}/preview", files={"path": (None, "ticket.csv")})
        assert (missing.status_code, "'ticket.csv'" in missing.json()["error"]["message"]) == (404, True), missing.text
        declared = await acme.client.put(f"/api/v1{files}/declaration", json={"yaml": DECLARED})
        assert declared.status_code == 200, declared.text
        shown = (await acme.client.post(f"/api/v1{files}/preview", files={"path": (None, "upload:tickets.csv")})).json()
        assert shown["tickets"][0] | {"text": ""} == {
            "original_id": "7",
            "subject": "Export hangs",
            "status": "pending",
            "status_label": "검토중",
            "priority": "medium",
            "requester": "",
            "created_at": "2025-11-03T05:05:00Z",
            "updated_at": "2025-11-03T05:05:00Z",
            "turns": 0,
            "text": "",
        }
        run = await acme.sync()
        assert (run["state"], run["counts"]["stored"]) == ("completed", 2), run
        listed = {each["path"]: each["kind"] for each in (await acme.get(files))["items"]}
        assert listed == {"upload:docs/guide.md": "document", "upload:tickets.csv": "tickets"}
        cited = (await acme.ask("내보내기가 99퍼센트에서 멈추면 어떻게 하나요?"))["answer"]["citations"]
        assert cited[0]["title"] == "내보내기 안내"
        assert cited[0]["visibility"] == "public"

        # Nobody else sees any of it.
        assert (await bravo.get(f"/connections/{bravo.connection_id}/files"))["items"] == []
        assert (await bravo.client.get(f"/api/v1{files}")).status_code == 404
        assert not (await bravo.ask("내보내기가 99퍼센트에서 멈추면 어떻게 하나요?"))["answer"]["citations"]
        assert (await bravo.sync())["counts"]["stored"] == 0

        assert (await send(acme, "tickets.csv", TICKETS.replace(b"7;", b"8;"))).status_code == 201
        gone = await acme.client.delete(f"/api/v1{files}", params={"path": "upload:docs/guide.md"})
        assert gone.json() == {"deleted": 1}
        followed = (await acme.sync())["counts"]
        assert (followed["stored"], followed["deleted"]) == (1, 2)
        assert (await acme.sync())["counts"]["listed"] == 0

        blobs = trip.runtime.services.blobs.open("acme")
        assert await blobs.list("sources")
        await acme.client.delete(f"/api/v1/connections/{acme.connection_id}")
        assert not await blobs.list("sources")


async def test_what_is_no_upload_is_refused_with_the_reason(tmp_path: Path) -> None:
    bomb = packed({"zeros.csv": bytes(60_000_000)})
    async with running_trip(tmp_path / "data", file_upload_max_bytes=100_000_000) as trip:
        acme = await connected(await trip.onboard("acme"))
        for name, data, code, told in (
            ("bomb.zip", bomb, "export_too_large", "60,000,000 bytes"),
            ("inner.zip", packed({"more.zip": packed({"a.csv": b"1"})}), "invalid_request", "another archive"),
            ("up.zip", packed({"../up.csv": b"1"}), "export_unreadable", "leads out of it"),
            ("torn.zip", packed({"a.csv": b"1" * 1000})[:-40], "export_unreadable", "torn.zip"),
            ("none.zip", packed({"run.exe": b"1"}), "invalid_request", "no file that"),
            ("run.exe", b"MZ", "invalid_request", "no reader"),
            ("empty.csv", b"", "attachment_empty", "no bytes"),
            ("..", b"1", "invalid_request", ""),
        ):
            refused = await send(acme, name, data)
            assert refused.is_error, (name, refused.text)
            assert refused.json()["error"]["code"] == code, (name, refused.text)
            assert refused.status_code in (400, 413, 415, 422), (name, refused.text)
            assert told in refused.json()["error"]["message"], (name, refused.text)
        wrong = await acme.client.put(
            f"/api/v1/connections/{acme.connection_id}/files/declaration", json={"yaml": "files: {'*.csv': {columns: {when: x}}}"}
        )
        assert "no field when" in wrong.json()["error"]["message"]
        assert (await acme.get(f"/connections/{acme.connection_id}/files"))["items"] == []
        url, bare = f"/api/v1/connections/{acme.connection_id}/files", {"Content-Type": "multipart/form-data"}
        formless = (await acme.client.post(url, content=b"a", headers=bare)).json()["error"]
        assert (formless["code"], formless["message"][:26]) == ("unreadable_body", "The form can't be read: Mi"), "not as if it were JSON"
        anonymous = await trip.anonymous.post(f"/api/v1/connections/{acme.connection_id}/files", files={"file": ("a.csv", b"1")})
        assert anonymous.status_code == 401
