"""A whole account export given to a connection of files: its tickets and articles are found, and nothing else in it."""

import io
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from backend.core.model.article import Visibility
from backend.core.model.document import DocType, Document
from backend.core.model.ticket import Presence
from sandbox.freshdesk.export import Form
from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_zendesk
from sandbox.zendesk import render
from sandbox.zendesk.account_export import write_export as write_zendesk
from tests.e2e.test_gone import assert_index_is, stored, tickets_of
from tests.e2e.test_imports import edited, exported, imported, numbers
from tests.e2e.test_uploads import connected, send
from tests.e2e.test_zendesk import shown
from tests.e2e.trip import Json, Tenant, Trip, running_trip

ROLES = orjson.dumps([{"role": {"id": 1, "name": "Account Administrator", "privileges": "manage_everything"}}])
XML_ROLES = b"<roles><role><id>1</id></role></roles>"
SETTINGS = orjson.dumps({"sso_secret": "keep-this-away", "timezone": "Seoul"})


def with_more(export: bytes, **files: bytes) -> bytes:
    """An export with files that the sandbox does not write."""
    out = io.BytesIO(export)
    with zipfile.ZipFile(out, "a") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


async def kinds(tenant: Tenant) -> dict[str, str]:
    """What each file was found to be."""
    listed = (await tenant.get(f"/connections/{tenant.connection_id}/files"))["items"]
    return {each["path"].removeprefix("upload:"): each["kind"] for each in listed}


def by_kind(files: Any) -> dict[str, set[str]]:
    """Names without their endings."""
    found: dict[str, set[str]] = {}
    for each in files:
        found.setdefault(each["kind"], set()).add(each["path"].rpartition(".")[0])
    return found


def _assert_same_words(mine: dict[tuple[DocType, str], Document], theirs: dict[tuple[DocType, str], Document]) -> None:
    """What an import into a Freshdesk connection gives, by who may read it; but for what was in files."""
    assert set(mine) == set(theirs)
    for key, document in theirs.items():
        said = [(part.visibility, part.role, part.text) for part in document.parts if part.attachment_id is None]
        assert [(part.visibility, part.role, part.text) for part in mine[key].parts] == said, key
        assert (mine[key].visibility, mine[key].title) == (document.visibility, document.title)
        assert mine[key].requester == document.requester
        # The sandbox's export calls groups otherwise than its API does.
        assert ("Group" in mine[key].attributes) == ("Group" in document.attributes)


async def _assert_nothing_else_is_found(trip: Trip, tenant: Tenant, sandbox: SandboxServer) -> None:
    """Tickets and articles are, by their words; people, companies and settings are not."""
    await trip.settle("acme")
    documents = await stored(trip)
    ticket = next(document for document in documents.values() if document.doc_type is DocType.TICKET and document.presence is Presence.LIVE)
    article = next(document for document in documents.values() if document.visibility is Visibility.PUBLIC)
    # Articles of a connection of files are called documents.
    for wanted, name in ((ticket, "tickets"), (article, "documents")):
        found = await tenant.ask(wanted.title)
        assert wanted.original_id in {hit["original_id"] for hit in found[name]}, (name, found[name])
    for words in ("Account Administrator manage_everything", "keep-this-away sso_secret"):
        found = await tenant.ask(words)
        titles = [hit["title"] for name in ("tickets", "articles", "documents", "attachments") for hit in found.get(name, [])]
        assert not any(word in title for title in titles for word in ("Roles", "settings", "Users", "Companies", "Groups"))
    person = next(iter(sandbox.account.people.contacts.values()))
    texts = [part.text for document in documents.values() if document.doc_type is DocType.ARTICLE for part in document.parts]
    assert not any(person.email in text or "sso_secret" in text or "privileges" in text for text in texts)


@pytest.mark.parametrize("form", list(Form))
async def test_a_freshdesk_export_is_read_as_what_it_is(trip: Trip, sandbox: SandboxServer, form: Form) -> None:
    acme, bravo = await connected(await trip.onboard("acme")), await connected(await trip.onboard("bravo"))
    more = (
        {"Roles0.json": ROLES, "settings.json": SETTINGS}
        if form is Form.JSON
        else {"Roles0.xml": b"<roles><role><id>1</id></role></roles>"}
    )
    export = with_more(exported(sandbox, form), **more)
    shown_first = (await send(acme, "FreshdeskExport.zip", export, where="files/preview")).json()
    assert (shown_first["kind"], shown_first["preset"]) == ("archive", "freshdesk"), shown_first
    names = {"Users0", "AllAgents0", "Groups0", "Companies0"}
    what = by_kind(shown_first["files"])
    assert what["names"] == names
    assert what["articles"] == {"Solutions0", "CannedResponses0"}
    assert what["passed_over"] == {name.rpartition(".")[0] for name in more}
    assert len(shown_first["tickets"]) == 10
    kept = await send(acme, "FreshdeskExport.zip", export)
    assert kept.status_code == 201, kept.text
    run = await acme.sync()
    assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
    told = f"{4 + len(more)} files of an account export hold no knowledge: "
    assert told in run["error_message"], run
    assert f"upload:Users0.{form} (names)" in run["error_message"]
    assert set((await kinds(acme)).values()) == {"tickets", "articles", "names", "passed_over"}

    documents = await stored(trip)
    assert set(tickets_of(documents)) == numbers(sandbox, "live", "archived")
    carol = await trip.onboard("carol")
    await carol.connect(sandbox)
    assert (await imported(carol, exported(sandbox, form)))["state"] == "completed"
    _assert_same_words(documents, await stored(trip, company_id="carol"))
    await _assert_nothing_else_is_found(trip, acme, sandbox)
    part = next(iter((await acme.get(f"/connections/{acme.connection_id}/files"))["items"]))["path"]
    assert (
        await acme.client.post(f"/api/v1/connections/{acme.connection_id}/files/preview", files={"path": (None, part)})
    ).status_code == 200

    # The same once more is nothing; what is archived makes the same again.
    again = await acme.sync()
    assert (again["counts"]["listed"], again["counts"]["stored"], again["counts"]["llm_calls"]) == (0, 0, 0), again
    rebuilt = await acme.wait((await acme.post("/documents/rebuild", {"connection_id": acme.connection_id}))["run_id"])
    assert (rebuilt["counts"]["stored"], rebuilt["counts"]["failed"], rebuilt["rebuilt"]["incomplete"]) == (0, 0, 0), rebuilt
    assert rebuilt["counts"]["expected"] >= len(documents)

    # Nobody else has any of it, and what they have of the same numbers is theirs.
    assert (await bravo.get("/documents"))["items"] == []
    await send(bravo, "other.zip", edited(export, lambda name, data: data if name.startswith(("Tickets", "Archive")) else None))
    other = await bravo.sync()
    assert (other["state"], other["error_message"]) == ("completed", ""), other
    theirs = tickets_of(await stored(trip, company_id="bravo"))
    assert set(theirs) == set(tickets_of(documents))
    assert not any(document.attributes.get("Group") for document in theirs.values())
    assert any(document.attributes.get("Group") for document in tickets_of(documents).values())
    await trip.settle("acme")
    await assert_index_is(trip, await stored(trip))


async def test_what_changes_in_an_export_is_followed(trip: Trip, sandbox: SandboxServer) -> None:
    acme = await connected(await trip.onboard("acme"))
    export = exported(sandbox)
    await send(acme, "export.zip", export)
    await acme.sync()
    before = tickets_of(await stored(trip))
    first, second, *_ = sorted(numbers(sandbox, "live"))

    def changed(name: str, data: bytes) -> bytes | None:
        if not name.startswith("Tickets"):
            return data if name != "Groups0.json" else None
        tickets = [each["helpdesk_ticket"] for each in orjson.loads(data)]
        kept = [
            each | ({"subject": "제목이 바뀌었습니다"} if each["display_id"] == first else {})
            for each in tickets
            if each["display_id"] != second
        ]
        return orjson.dumps([{"helpdesk_ticket": each} for each in kept])

    path = f"/api/v1/connections/{acme.connection_id}/files"
    for name in ("Groups0.json",):
        assert (await acme.client.delete(path, params={"path": f"upload:{name}"})).json() == {"deleted": 1}
    await send(acme, "export.zip", edited(export, changed))
    run = await acme.sync()
    assert (run["state"], run["counts"]["deleted"]) == ("completed", 1), run
    after = tickets_of(await stored(trip))
    assert set(after) == set(before) - {second}
    assert after[first].title == "제목이 바뀌었습니다"
    # Groups are not named any more, and so in no ticket.
    assert any(document.attributes.get("Group") for document in before.values())
    assert not any(document.attributes.get("Group") for document in after.values())

    # Unpacked into a folder of its own it is the same export; what is gone from the top goes, and its tickets stay.
    listed = [each["path"] for each in (await acme.get(f"/connections/{acme.connection_id}/files"))["items"]]
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(edited(export, changed))) as old, zipfile.ZipFile(out, "w") as moved:
        for info in old.infolist():
            moved.writestr(f"2025/{info.filename}", old.read(info))
    await send(acme, "moved.zip", out.getvalue())
    for each in listed:
        await acme.client.delete(path, params={"path": each})
    run = await acme.sync()
    assert (run["counts"]["stored"], run["counts"]["deleted"], run["counts"]["failed"]) == (0, 0, 0), run


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_zendesk_export_is_read_as_what_it_is(tmp_path: Path, form: str) -> None:
    async with running_zendesk(SandboxOptions(tickets=60)) as zendesk, running_trip(tmp_path / "data") as trip:
        acme = await connected(await trip.onboard("acme"))
        out = io.BytesIO()
        write_zendesk(zendesk.site, out, form)
        users = [{"id": 1, "name": "Nobody Hiding", "email": "hiding@example.com", "role": "end-user", "active": True, "verified": True}]
        more = (
            {"users.json": b"\n".join(map(orjson.dumps, users))}
            if form == "json"
            else {"accounts.xml": b"<account><name>x</name></account>"}
        )
        await send(acme, "export.zip", with_more(out.getvalue(), **more))
        run = await acme.sync()
        assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
        assert "1 file of an account export holds no knowledge" in run["error_message"]
        documents = await stored(trip)
        assert set(tickets_of(documents)) == shown(zendesk)
        assert len(documents) == len(shown(zendesk))
        private = {number for number in shown(zendesk) if any(not each["public"] for each in comments_of(zendesk, number))}
        assert private
        for number, document in tickets_of(documents).items():
            assert any(part.visibility is Visibility.INTERNAL for part in document.parts) == (number in private), number


def comments_of(zendesk: ZendeskServer, number: int) -> list[Json]:
    """A ticket's comments as the API tells them."""
    return [render.comment(zendesk.site, comment) for comment in zendesk.site.world.comments(number)]
