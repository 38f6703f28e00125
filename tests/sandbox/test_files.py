"""Attachments live on another host, behind addresses that die and that refuse a key."""

import io
import zipfile
from hashlib import md5

import httpx
import openpyxl
import pypdfium2
import pytest

from sandbox.data.evidence import TYPES
from sandbox.data.files import PDF_PASSWORD
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.sandbox.conftest import PLAIN, client_of


def _flow(server: SandboxServer, flow: str) -> int:
    return next(ticket.id for ticket in server.account.tickets.values() if ticket.flow == flow)


async def _file(api: httpx.AsyncClient, anonymous: httpx.AsyncClient, ticket_id: int, position: int = 0) -> httpx.Response:
    ticket = (await api.get(f"/tickets/{ticket_id}")).json()
    answer = await anonymous.get(ticket["attachments"][position]["attachment_url"])
    assert len(answer.content) == ticket["attachments"][position]["size"]
    return answer


async def test_a_signed_address_serves_the_bytes_with_their_md5(
    sandbox: SandboxServer, api: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    answer = await _file(api, anonymous, _flow(sandbox, "every_file"))
    assert str(answer.url).startswith(sandbox.attachments_url)
    assert not str(answer.url).startswith(sandbox.base_url)
    assert answer.headers["ETag"].strip('"') == md5(answer.content, usedforsecurity=False).hexdigest()


async def test_an_address_dies() -> None:
    async with (
        running_sandbox(SandboxOptions(tickets=60, url_seconds=0)) as server,
        client_of(server) as api,
        httpx.AsyncClient(verify=PLAIN) as anonymous,
    ):
        ticket = (await api.get(f"/tickets/{_flow(server, 'every_file')}")).json()
        answer = await anonymous.get(ticket["attachments"][0]["attachment_url"])
    assert answer.status_code == 403
    assert "Request has expired" in answer.text


async def test_an_address_can_not_be_forged(sandbox: SandboxServer, api: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    ticket = (await api.get(f"/tickets/{_flow(sandbox, 'every_file')}")).json()
    one, two = (file["attachment_url"] for file in ticket["attachments"][:2])
    answer = await anonymous.get(two.split("?")[0] + "?" + one.split("?")[1])
    assert answer.status_code == 403
    assert "SignatureDoesNotMatch" in answer.text


async def test_sending_the_api_key_is_refused(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    ticket = (await api.get(f"/tickets/{_flow(sandbox, 'every_file')}")).json()
    answer = await api.get(ticket["attachments"][0]["attachment_url"])
    assert answer.status_code == 400
    assert "Only one auth mechanism allowed" in answer.text


async def test_an_inline_image_is_two_redirects_away(sandbox: SandboxServer, api: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    account = sandbox.account
    number, file = next(
        (ticket.id, file)
        for ticket in account.tickets.values()
        for file in account.story(ticket.id).attachments
        if file.inline and ticket.state == "live"
    )
    ticket = (await api.get(f"/tickets/{number}")).json()
    assert f'data-id="{file.id}"' in ticket["description"]
    address = ticket["description"].split('<img src="')[1].split('"')[0]
    first = await anonymous.get(address)
    second = await anonymous.get(first.headers["Location"])
    third = await anonymous.get(second.headers["Location"])
    assert (first.status_code, second.status_code, third.status_code) == (302, 302, 200)
    assert address.startswith(sandbox.attachments_url)
    assert first.headers["Location"].startswith(sandbox.base_url)
    assert third.content.startswith(b"\x89PNG")


async def test_every_kind_of_file_is_what_it_says(sandbox: SandboxServer) -> None:
    account = sandbox.account
    files = {file.kind: account.file(file) for file in account.attachments(_flow(sandbox, "every_file"))}
    texts = {file.kind: file.lines for file in account.attachments(_flow(sandbox, "every_file"))}
    assert pypdfium2.PdfDocument(files["pdf"])[0].get_textpage().get_text_range().count(texts["pdf"][0]) == 1
    assert texts["docx"][0] in zipfile.ZipFile(io.BytesIO(files["docx"])).read("word/document.xml").decode()
    assert openpyxl.load_workbook(io.BytesIO(files["xlsx"])).worksheets[0]["B1"].value == texts["xlsx"][0]
    assert texts["csv"][0] in files["csv"].decode("cp949")
    assert files["png"].startswith(b"\x89PNG")
    assert set(files) <= set(TYPES)


async def test_bad_files_are_there(sandbox: SandboxServer, api: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    assert (await _file(api, anonymous, _flow(sandbox, "empty_file"))).content == b""
    misnamed = await _file(api, anonymous, _flow(sandbox, "misnamed_file"))
    assert misnamed.headers["Content-Type"] == "application/pdf"
    assert misnamed.content.startswith(b"\x89PNG")
    locked = (await _file(api, anonymous, _flow(sandbox, "locked_file"))).content
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(locked)
    assert len(pypdfium2.PdfDocument(locked, password=PDF_PASSWORD)) == 1
    assert len((await _file(api, anonymous, _flow(sandbox, "big_file"))).content) == 20 * 1024 * 1024


async def test_a_proof_stands_in_one_file_only(sandbox: SandboxServer) -> None:
    account = sandbox.account
    proofs = account.proofs()
    facts = [proof.fact for proof in proofs]
    assert len(facts) == len(set(facts)) > 20
    stories = "".join(
        account.story(number).description + "".join(turn.body for turn in account.turns(number)) for number in account.tickets
    )
    assert not any(fact in stories for fact in facts)
