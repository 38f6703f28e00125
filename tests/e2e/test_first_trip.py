"""Tickets become answers; a second look costs nothing."""

from pathlib import Path

import msgspec
import pytest

from backend.core.model.document import DocState, DocType
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip


def _live_tickets(sandbox: SandboxServer) -> set[str]:
    return {str(t.id) for t in sandbox.account.tickets.values() if t.state == "live"}


async def test_everything_the_helpdesk_lists_is_found(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    run = await acme.sync()
    assert run["state"] == "completed", run
    assert run["error_message"] == ""
    assert run["counts"]["failed"] == 0
    async with trip.runtime.services.database.open("acme") as uow:
        stored, _ = await uow.documents.list(doc_types=[DocType.TICKET], states=[DocState.INDEXED, DocState.SKIPPED], limit=1000)
    assert {document.original_id for document in stored} == _live_tickets(sandbox)
    assert run["counts"]["documents"] == run["counts"]["indexed_documents"]
    archive = await trip.runtime.services.blobs.open("acme").list("raw/")
    assert archive


@pytest.mark.parametrize("mode", ["incremental", "full"])
async def test_a_second_sync_of_an_unchanged_helpdesk_does_nothing(trip: Trip, acme: Tenant, mode: str) -> None:
    await acme.sync()
    await trip.settle("acme")
    async with trip.runtime.services.database.open("acme") as uow:
        before, _ = await uow.documents.list(limit=1000)
        spent = await acme.get("/usage")
    run = await acme.sync(mode=mode)
    assert run["state"] == "completed", run
    counts = run["counts"]
    assert (counts["stored"], counts["llm_calls"], counts["embedded"], counts["deleted"]) == (0, 0, 0, 0)
    assert await acme.get("/usage") == spent
    async with trip.runtime.services.database.open("acme") as uow:
        after, _ = await uow.documents.list(limit=1000)
    assert msgspec.json.encode(after) == msgspec.json.encode(before)


async def test_questions_find_their_tickets_with_and_without_particles(trip: Trip) -> None:
    async with running_sandbox(SandboxOptions(tickets=200)) as sandbox:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await tenant.sync()
        by_key = {judged.problem_key: judged for judged in sandbox.account.judgements()}
        login = {str(each) for each in by_key["login-sso-loop"].ticket_ids}
        reset = {str(each) for each in by_key["password-reset-mail"].ticket_ids}
        for question, wanted in (
            ("SSO 로그인 반복", login),
            ("SSO 로그인을 하면 계속 반복됩니다", login),
            ("비밀번호 재설정 메일", reset),
            ("비밀번호를 재설정하려는데 메일이 오지를 않습니다", reset),
            ("password reset email never arrives", reset),
            ("SSO login loops back to the sign-in page", login),
        ):
            found = await tenant.ask(question)
            assert found["answer"]["grounded"], question
            assert found["tickets"][0]["original_id"] in wanted, question
            assert all(f"[{each['number']}]" in found["answer"]["text"] for each in found["answer"]["citations"])
        for question in ("김치찌개 끓이는 법 알려줘", "How do I bake sourdough bread?", "qwpoe zxmnc alskd"):
            found = await tenant.ask(question)
            assert not found["answer"]["grounded"], question
            assert found["answer"]["citations"] == []
        assert found["answer"]["text"] == "The sources don't answer this."


async def test_the_text_of_attachments_is_searched(trip: Trip) -> None:
    async with running_sandbox(SandboxOptions(tickets=200)) as sandbox:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await tenant.sync()
        proofs = [proof for proof in sandbox.account.proofs() if not proof.file_name.endswith((".png", ".jpg"))]
        found = 0
        for proof in proofs[:12]:
            hits = (await tenant.ask(proof.fact))["tickets"]
            found += any(hit["original_id"] == str(proof.ticket_id) for hit in hits)
        assert found >= len(proofs[:12]) - 1


async def test_a_restart_keeps_everything(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data") as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await tenant.sync()
        first = await tenant.ask("비밀번호 재설정 메일이 오지 않아요")
        key, connection = tenant.api_key, tenant.connection_id
    async with running_trip(tmp_path / "data") as trip:
        tenant = trip.tenant("acme", key)
        tenant.connection_id = connection
        again = await tenant.ask("비밀번호 재설정 메일이 오지 않아요")
        assert [hit["document_id"] for hit in again["tickets"]] == [hit["document_id"] for hit in first["tickets"]]
        run = await tenant.sync()
        assert run["state"] == "completed"
        assert run["counts"]["stored"] == 0
