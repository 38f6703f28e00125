"""A Freshdesk account export imported end to end: what a call for every ticket gives, the next sync goes on, nothing old wins."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from backend.core.model.document import DocState, DocType, Document
from backend.core.model.sync import Stream
from sandbox.faults import Fault
from sandbox.freshdesk import change
from sandbox.freshdesk.export import Form, write_export
from sandbox.serve import SandboxOptions, SandboxServer, running_zendesk
from sandbox.zendesk import change as zendesk_change
from sandbox.zendesk.account_export import write_export as write_zendesk
from tests.e2e.test_gone import assert_index_is, stored, tickets_of
from tests.e2e.test_zendesk import shown
from tests.e2e.trip import ENDED, Json, Tenant, Trip, running_trip

VIEW = "GET /api/v2/tickets/{id}"


def exported(sandbox: SandboxServer, form: Form = Form.JSON, **options: Any) -> bytes:
    """The account's export as it is now."""
    out = io.BytesIO()
    write_export(sandbox.site, out, form, **options)
    return out.getvalue()


def edited(export: bytes, edit: Callable[[str, bytes], bytes | None]) -> bytes:
    """An export with files changed, or left out where `edit` gives None."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(export)) as before, zipfile.ZipFile(out, "w") as after:
        for info in before.infolist():
            data = edit(info.filename, before.read(info))
            if data is not None:
                after.writestr(zipfile.ZipInfo(info.filename, info.date_time), data)
    return out.getvalue()


async def give(tenant: Tenant, export: bytes, **params: str) -> Any:
    """The answer to an upload."""
    path = f"/api/v1/connections/{tenant.connection_id}/imports"
    return await tenant.client.post(path, files={"file": ("내보내기.zip", export, "application/zip")}, params=params)


async def imported(tenant: Tenant, export: bytes, **params: str) -> Json:
    """The run of an import, at its end."""
    answer = await give(tenant, export, **params)
    assert answer.status_code == 202, answer.text
    return await tenant.wait(answer.json()["run_id"], ENDED)


def numbers(sandbox: SandboxServer, *states: str) -> set[int]:
    """The tickets in these states."""
    return {ticket.id for ticket in sandbox.account.tickets.values() if ticket.state in states}


async def _contents(trip: Trip, company_id: str, doc_type: DocType) -> dict[str, Document]:
    async with trip.runtime.services.database.open(company_id) as uow:
        documents, _ = await uow.documents.list(doc_types=[doc_type], limit=10_000)
    return {each.original_id: each for each in documents if each.state is not DocState.DELETED}


@pytest.mark.parametrize("form", list(Form))
async def test_an_export_gives_what_the_api_gives_and_the_next_sync_goes_on(
    trip: Trip, sandbox: SandboxServer, form: Form, record_property: Callable[[str, object], None]
) -> None:
    acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
    await bravo.connect(sandbox)
    await bravo.sync()
    record_property("calls of a plain sync per ticket", round(sandbox.stats.requests[VIEW] / len(numbers(sandbox, "live")), 3))
    await acme.connect(sandbox)
    export = exported(sandbox, form)
    sandbox.stats.clear()
    run = await imported(acme, export)
    assert (run["state"], run["error_message"], run["counts"]["failed"]) == ("completed", "", 0), run
    assert run["options"]["mode"] == "import"
    assert run["options"]["export"]["name"] == "내보내기.zip"
    live, archived = numbers(sandbox, "live"), numbers(sandbox, "archived")
    with_files = {number for number in live | archived if any(not file.inline for file in sandbox.account.attachments(number))}
    asked = sandbox.stats.requests[VIEW] + sandbox.stats.requests["GET /api/v2/tickets/archived/{id}"]
    record_property("calls of an import per ticket", round(asked / len(live | archived), 3))
    # A dead address costs a call, and an archived ticket is looked for among the live ones first.
    assert asked <= len(with_files) + len(with_files & archived)
    assert sandbox.stats.requests["GET /api/v2/tickets"] == 2
    mine, theirs = await _contents(trip, "acme", DocType.TICKET), await _contents(trip, "bravo", DocType.TICKET)
    assert set(map(int, mine)) == live | archived
    assert {key: mine[key].source_version for key in theirs} == {key: each.source_version for key, each in theirs.items()}
    automatic = {str(number) for number in live if any(turn.auto_response for turn in sandbox.account.turns(number))}
    # What the older API does not tell: that a mail answered by itself.
    differs = {key for key in theirs if mine[key].content_hash != theirs[key].content_hash}
    assert differs <= automatic, differs
    sandbox.stats.clear()
    again = await acme.sync()
    assert again["state"] == "completed"
    assert sandbox.stats.requests[VIEW] == 0
    assert sandbox.stats.requests["GET /api/v2/tickets"] <= 3
    assert set(map(int, await _contents(trip, "acme", DocType.TICKET))) == live | archived
    assert set(await _contents(trip, "acme", DocType.ARTICLE)) == set(await _contents(trip, "bravo", DocType.ARTICLE))
    await trip.settle("acme")
    await assert_index_is(trip, await stored(trip))
    # What is archived of an import makes the same again.
    rebuilt = await acme.wait((await acme.post("/documents/rebuild", {"connection_id": acme.connection_id}))["run_id"])
    assert (rebuilt["counts"]["stored"], rebuilt["counts"]["failed"], rebuilt["rebuilt"]["incomplete"]) == (0, 0, 0), rebuilt
    assert rebuilt["counts"]["expected"] >= len(live | archived)


async def test_what_changed_since_is_read_and_what_is_gone_goes(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    export = exported(sandbox)
    changed, gone, *_ = sorted(numbers(sandbox, "live"))
    new = change.create(sandbox.site, {"subject": "내보낸 뒤에 생긴 문의", "description": "<p>VPN 접속이 안 됩니다</p>"}).id
    change.update(sandbox.site, changed, {"subject": "제목이 바뀌었습니다"})
    change.set_state(sandbox.site, gone, "deleted")
    run = await imported(acme, export)
    assert run["state"] == "completed"
    assert run["continued_at"] is not None
    before = tickets_of(await stored(trip))
    assert gone in before
    assert new not in before
    sandbox.stats.clear()
    run = await acme.sync()
    assert run["counts"]["deleted"] == 1
    assert sandbox.stats.requests[VIEW] <= 2
    await trip.settle("acme")
    after = tickets_of(await stored(trip))
    assert set(after) == numbers(sandbox, "live", "archived")
    assert after[changed].title == "제목이 바뀌었습니다"
    assert after[new].title == "내보낸 뒤에 생긴 문의"


async def test_an_older_export_overwrites_nothing_and_brings_nothing_back(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    export = exported(sandbox)
    changed, gone, *_ = sorted(numbers(sandbox, "live"))
    change.update(sandbox.site, changed, {"subject": "새 제목"})
    await acme.sync()
    change.set_state(sandbox.site, gone, "deleted")
    await acme.sync()
    async with trip.runtime.services.database.open("acme") as uow:
        place = await uow.sync.get_cursor(acme.connection_id, Stream.TICKETS)
    run = await imported(acme, export)
    assert run["state"] == "completed"
    assert run["continued_at"] is None
    found = tickets_of(await stored(trip))
    assert found[changed].title == "새 제목"
    assert gone not in found
    # Only what no list names is new: archived tickets.
    assert run["counts"]["stored"] == len(numbers(sandbox, "archived"))
    async with trip.runtime.services.database.open("acme") as uow:
        assert await uow.sync.get_cursor(acme.connection_id, Stream.TICKETS) == place
    again = await imported(acme, export)
    assert (again["counts"]["stored"], again["counts"]["llm_calls"]) == (0, 0)


async def test_an_export_of_a_part_moves_no_place(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    def newest_half(name: str, data: bytes) -> bytes | None:
        if name != "Tickets0.json":
            return data
        records = sorted(orjson.loads(data), key=lambda each: str(each["helpdesk_ticket"]["created_at"]))
        return orjson.dumps(records[len(records) // 2 :])

    run = await imported(acme, edited(exported(sandbox), newest_half))
    assert run["state"] == "completed"
    assert run["continued_at"] is None
    taken = set(tickets_of(await stored(trip)))
    assert taken < numbers(sandbox, "live", "archived")
    sandbox.stats.clear()
    await acme.sync()
    assert set(tickets_of(await stored(trip))) == numbers(sandbox, "live", "archived")
    assert sandbox.stats.requests[VIEW] <= len(numbers(sandbox, "live") - taken)


async def test_bad_records_are_set_aside_by_file_and_number(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    spoiled: list[int] = []

    def spoil(name: str, data: bytes) -> bytes:
        if name != "Tickets0.json":
            return data
        records = [orjson.dumps(each) for each in orjson.loads(data)]
        live = [n for n, each in enumerate(records) if b'"deleted":false,"spam":false' in each]
        # One that says no more which ticket it is, and one with a time that is none.
        spoiled.extend(orjson.loads(records[n])["helpdesk_ticket"]["display_id"] for n in live[2:4])
        records[live[2]] = b'{"helpdesk_ticket": {"subject": }}'
        records[live[3]] = orjson.dumps({"helpdesk_ticket": orjson.loads(records[live[3]])["helpdesk_ticket"] | {"updated_at": "gestern"}})
        return b"[" + b",\n".join(records) + b"]"

    run = await imported(acme, edited(exported(sandbox), spoil))
    assert (run["state"], run["counts"]["failed"]) == ("completed", 2), run
    # Nobody can tell which ticket the first one is: so the next sync lists all.
    assert run["continued_at"] is None
    failures = (await acme.get(f"/connections/{acme.connection_id}/failures"))["items"]
    assert all(each["code"] == "source_malformed" and "of Tickets0.json" in each["message"] for each in failures)
    assert str(spoiled[1]) in {each["original_id"] for each in failures}
    await acme.sync()
    assert set(tickets_of(await stored(trip))) == numbers(sandbox, "live", "archived")
    assert (await acme.get(f"/connections/{acme.connection_id}/failures"))["total"] == 0


async def test_without_the_helpdesk_an_export_is_read_by_its_own_names(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    export = exported(sandbox)
    sandbox.site.faults.add(Fault(kind="401", match="/api/v2/", times=None))
    run = await imported(acme, export)
    assert run["state"] == "completed", run
    assert run["continued_at"] is None
    assert "names and files" in run["error_message"]
    found = tickets_of(await stored(trip))
    assert set(found) == numbers(sandbox, "live", "archived")
    labels = {document.status_label for document in found.values()}
    assert labels & {"Waiting on Customer", "Waiting on Third Party", "Scheduled for Release", "Waiting on Engineering"}
    failures = await acme.get(f"/connections/{acme.connection_id}/failures")
    # Files wait until the helpdesk lets us in again.
    assert failures["total"] > 0
    assert all("Attachment" in each["message"] for each in failures["items"])
    sandbox.site.faults.clear()
    await acme.sync()
    assert (await acme.get(f"/connections/{acme.connection_id}/failures"))["total"] == 0


async def test_what_is_no_export_is_refused_at_once(acme: Tenant) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("Invoices.json", b"[]")
    for export, says in ((b"no zip at all", "no zip archive"), (b"", "form field"), (other.getvalue(), "no account export of Freshdesk")):
        answer = await give(acme, export)
        assert answer.status_code == 422, answer.text
        assert says in answer.json()["error"]["message"]
    assert (await acme.get("/runs"))["items"] == []


async def test_another_tenant_can_import_nothing_here(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    bravo = await trip.onboard("bravo")
    await bravo.connect(sandbox)
    export = exported(sandbox, resources=("tickets",))
    foreign = await bravo.client.post(f"/api/v1/connections/{acme.connection_id}/imports", files={"file": ("e.zip", export)})
    assert foreign.status_code == 404
    run = await imported(bravo, export)
    assert run["state"] == "completed"
    assert (await acme.get("/documents"))["items"] == []
    assert (await acme.client.get(f"/api/v1/runs/{run['run_id']}")).status_code == 404
    for company_id in ("acme", "bravo"):
        assert await trip.runtime.services.blobs.open(company_id).list("imports") == []


async def test_an_import_that_is_stopped_goes_on_where_it_stood(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data") as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        sandbox.site.latency = 0.02
        run_id = (await give(tenant, exported(sandbox))).json()["run_id"]
        run = await tenant.wait(run_id, ("running", *ENDED))
    assert run["state"] == "running"
    async with running_trip(tmp_path / "data") as trip:
        tenant = trip.tenant("acme", tenant.api_key)
        run = await tenant.wait(run_id)
        assert run["state"] == "completed", run
        await trip.settle("acme")
        assert set(tickets_of(await stored(trip))) == numbers(sandbox, "live", "archived")
        await assert_index_is(trip, await stored(trip))


async def test_a_zendesk_export_is_imported_and_the_next_sync_goes_on(trip: Trip) -> None:
    async with running_zendesk(SandboxOptions(tickets=60, export_quota=1_000)) as zendesk:
        tenant = await trip.onboard("acme")
        await tenant.connect_zendesk(zendesk)
        out = io.BytesIO()
        write_zendesk(zendesk.site, out)
        told, gone, *_ = sorted(shown(zendesk))
        zendesk.stats.clear()
        run = await imported(tenant, out.getvalue())
        assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
        assert run["continued_at"] is not None
        assert set(tickets_of(await stored(trip))) == shown(zendesk)
        assert not any("/tickets/{id}" in shape or "incremental" in shape for shape in zendesk.stats.requests)
        zendesk_change.add_comment(zendesk.site, told, {"body": "<p>내보낸 뒤의 답변입니다.</p>"})
        zendesk_change.delete(zendesk.site, gone)
        zendesk.site.pass_time(61)
        zendesk.stats.clear()
        run = await tenant.sync()
        assert run["counts"]["deleted"] == 1
        shelf, branch = zendesk.account.shelf, zendesk.account.branch_shelf
        assert run["counts"]["stored"] <= len(shelf.articles) + len(branch.articles) + len(shelf.canned) + 1
        assert sum(count for shape, count in zendesk.stats.requests.items() if "/tickets/{id}" in shape) <= 2
        after = tickets_of(await stored(trip))
        assert set(after) == shown(zendesk)
        assert any("내보낸 뒤의 답변" in part.text for part in after[told].parts)
