"""An attachment's bytes: ranges, safe types, names in Korean, and who may have them (SPEC F6)."""

from urllib.parse import unquote

import pytest

from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import NOTE, PAGE, RECEIPT

PATH = "/api/v1/attachments/paper-f1"


async def test_an_image_is_shown_and_can_do_no_harm(client_as: As) -> None:
    response = await client_as(Role.VIEWER).get(PATH)
    assert response.content == RECEIPT
    headers = response.headers
    assert headers["content-type"] == "image/png"
    assert headers["content-length"] == str(len(RECEIPT))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    disposition = headers["content-disposition"]
    assert disposition.startswith("inline; filename=\"___ (__).png\"; filename*=UTF-8''")
    assert unquote(disposition.rsplit("''", 1)[1]) == "영수증 (최종).png"


async def test_what_could_run_is_a_download(client_as: As) -> None:
    response = await client_as(Role.VIEWER).get("/api/v1/attachments/paper-f3")
    assert response.content == PAGE
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment;")


async def test_internal_files_are_for_agents(client_as: As) -> None:
    hidden = await client_as(Role.VIEWER).get("/api/v1/attachments/paper-f2")
    assert (hidden.status_code, hidden.json()["error"]["code"]) == (404, "attachment_not_found")
    assert (await client_as(Role.AGENT).get("/api/v1/attachments/paper-f2")).content == NOTE
    assert (await client_as(Role.AGENT).get("/api/v1/attachments/nobody")).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=5-99999999", 5, None)]
)
async def test_a_range(client_as: As, wanted: str, start: int, end: int | None) -> None:
    response = await client_as(Role.VIEWER).get(PATH, headers={"Range": wanted})
    assert response.status_code == 206
    assert response.content == RECEIPT[start:end]
    first = start % len(RECEIPT)
    assert response.headers["content-range"] == f"bytes {first}-{first + len(response.content) - 1}/{len(RECEIPT)}"


async def test_ranges_that_are_none(client_as: As) -> None:
    viewer = client_as(Role.VIEWER)
    for wanted in ("bytes=99999999-", "bytes=-0", "bytes=9-3"):
        refused = await viewer.get(PATH, headers={"Range": wanted})
        assert (refused.status_code, refused.json()["error"]["code"]) == (416, "range_not_satisfiable")
        assert refused.headers["content-range"] == f"bytes */{len(RECEIPT)}"
    for wanted in ("bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b"):
        whole = await viewer.get(PATH, headers={"Range": wanted})
        assert (whole.status_code, whole.content) == (200, RECEIPT)


async def test_the_same_file_is_not_sent_twice(client_as: As) -> None:
    viewer = client_as(Role.VIEWER)
    etag = (await viewer.get(PATH)).headers["etag"]
    assert (await viewer.get(PATH, headers={"If-None-Match": etag})).status_code == 304
    changed = await viewer.get(PATH, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert changed.status_code == 200
    audit = (await client_as(Role.ADMIN).get("/api/v1/audit")).json()["items"]
    assert [each["target"] for each in audit if each["action"] == "attachment.read"] == ["paper-f1"] * 3
