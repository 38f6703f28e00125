"""Two tenants with the same ticket ids on two helpdesks never meet."""

from pathlib import Path
from typing import Any

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, Trip


async def _everything_seen(tenant: Tenant, question: str) -> str:
    """All that a tenant's own key can read, as one text."""
    texts = [(await tenant.client.post("/api/v1/query", json={"question": question})).text]
    texts += [(await tenant.client.post("/api/v1/query/stream", json={"question": question})).text]
    for path in ("/documents", "/connections", "/runs", "/keys", "/audit", "/usage", "/init/11"):
        texts.append((await tenant.client.get(f"/api/v1{path}")).text)
    for path in ("/generate_reply", "/generate_reply/stream"):
        texts.append((await tenant.client.post(f"/api/v1{path}", json={"ticket_id": "11"})).text)
    # The second time from what was kept.
    texts += [(await tenant.client.get(f"/api/v1/init/11{path}")).text for path in ("", "/stream")]
    return "\n".join(texts)


def _names(sandbox: Any) -> set[str]:
    return {str(contact.email) for contact in sandbox.account.people.contacts.values() if contact.email}


async def test_the_same_ticket_ids_on_two_helpdesks_stay_apart(trip: Trip, tmp_path: Path) -> None:
    async with (
        running_sandbox(SandboxOptions(tickets=40, seed=7)) as one,
        running_sandbox(SandboxOptions(tickets=40, seed=8)) as two,
    ):
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        await acme.connect(one)
        await bravo.connect(two, "second.freshdesk.com")
        await acme.sync()
        await bravo.sync()
        mine = {each["document_id"]: each for each in (await acme.get("/documents", limit=100))["items"]}
        theirs = {each["document_id"]: each for each in (await bravo.get("/documents", limit=100))["items"]}
        assert {each["original_id"] for each in mine.values()} & {each["original_id"] for each in theirs.values()}
        assert not set(mine) & set(theirs)
        seen = await _everything_seen(bravo, "SSO 로그인이 반복됩니다")
        for document in mine.values():
            assert document["document_id"] not in seen
        assert acme.connection_id not in seen
        for document_id in list(mine)[:10]:
            for path in (f"/documents/{document_id}", f"/documents/{document_id}/chunks"):
                assert (await bravo.client.get(f"/api/v1{path}")).status_code == 404
        for path in (f"/connections/{acme.connection_id}", f"/connections/{acme.connection_id}/failures"):
            assert (await bravo.client.get(f"/api/v1{path}")).status_code == 404
        folders = {path.name for path in (tmp_path / "data" / "blobs").iterdir() if path.is_dir() and not path.name.startswith(".")}
        assert {"acme", "bravo"} <= folders
