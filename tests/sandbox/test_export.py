"""The sandbox's account export: a job as documented, and a zip of the shapes that public importers read."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx

from backend.cli.main import main
from sandbox.serve import SandboxServer
from tests.sandbox.conftest import PLAIN, client_of

WANTED = {"resources": [{"name": "tickets", "include": ["notes", "attachments"]}, {"name": "solutions"}], "output_format": "json"}


async def test_an_export_is_a_job_that_ends_in_a_signed_address(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    asked = await api.post("/account/export", json=WANTED)
    assert asked.status_code == 202
    job = asked.json()["job"]
    assert job["link"] == {"href": f"{sandbox.base_url}/api/v2/jobs/{job['id']}", "method": "GET"}
    states: list[dict[str, Any]] = []
    while not states or states[-1]["status"] == "IN PROGRESS":
        states.append((await api.get(f"/jobs/{job['id']}")).json())
    assert len(states) > 1
    assert {each["name"] for each in states} == {"ACCOUNT::EXPORT"}
    address = states[-1]["download_url"]
    async with httpx.AsyncClient(verify=PLAIN) as anybody:
        taken = await anybody.get(address)
        assert (await anybody.get(address.replace("Signature=", "Signature=0"))).status_code == 403
        # The store refuses credentials that are not meant for it.
        assert (await anybody.get(address, headers={"Authorization": "Basic eDp4"})).status_code == 400
    with zipfile.ZipFile(io.BytesIO(taken.content)) as archive:
        assert archive.namelist() == ["Tickets0.json", "Solutions0.json"]
        tickets = [each["helpdesk_ticket"] for each in json.loads(archive.read("Tickets0.json"))]
    assert {each["display_id"] for each in tickets} == {t.id for t in sandbox.account.tickets.values() if t.state != "archived"}
    assert any(note["body"].startswith("created_by:") for each in tickets for note in each["notes"])


async def test_only_administrators_may_ask_and_only_for_what_there_is(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    async with client_of(sandbox, sandbox.restricted_key) as restricted:
        assert (await restricted.post("/account/export", json=WANTED)).status_code == 403
    assert (await api.post("/account/export", json={"resources": [{"name": "secrets"}]})).status_code == 400
    assert (await api.post("/account/export", json={"resources": []})).status_code == 400
    assert (await api.get("/jobs/1")).status_code == 404


def test_the_command_line_writes_one(tmp_path: Path) -> None:
    for platform, form in (("freshdesk", "json"), ("freshdesk", "xml"), ("zendesk", "json"), ("zendesk", "xml")):
        file = tmp_path / f"{platform}.{form}.zip"
        assert main(["sandbox", "export", str(file), "--platform", platform, "--form", form, "--tickets", "40", "--json"]) == 0
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
            assert any("ickets" in name and name.endswith(f".{form}") for name in archive.namelist())
    assert main(["sandbox", "export", str(tmp_path / "x.zip"), "--platform", "zendesk", "--form", "csv"]) == 2
