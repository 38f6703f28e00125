"""What people and helpdesks get wrong is told with its cause and what to do, over the whole application."""

import httpx
import pytest

from sandbox.data.account import Account
from sandbox.faults import Fault, Kind
from sandbox.serve import SandboxServer
from tests.e2e.trip import Json, Tenant, Trip


@pytest.fixture
async def tenant(trip: Trip) -> Tenant:
    """A tenant without a connection."""
    return await trip.onboard("acme")


def error_of(response: httpx.Response, status: int) -> Json:
    """The error of an answer that has to have this status."""
    assert response.status_code == status, response.text
    error: Json = response.json()["error"]
    assert error["message"]
    assert error["request_id"] == response.headers["X-Request-Id"]
    return error


def wanted(sandbox: SandboxServer, **changed: object) -> Json:
    """The body that connects the sandbox."""
    credentials = {"api_key": sandbox.api_key}
    return {"platform": "freshdesk", "domain": "hanbit.freshdesk.com", "base_url": sandbox.base_url, "credentials": credentials} | changed


async def test_a_wrong_key_of_a_helpdesk_is_named(tenant: Tenant, sandbox: SandboxServer) -> None:
    body = wanted(sandbox, credentials={"api_key": "a-wrong-key"})
    for path in ("/api/v1/connections", "/api/v1/connections/check"):
        error = error_of(await tenant.client.post(path, json=body), 422)
        assert error["code"] == "source_credentials_rejected"
        assert "View API key" in error["message"]
        assert "a-wrong-key" not in str(error)
    assert (await tenant.get("/connections"))["items"] == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("404_unknown_domain", (422, "source_host_unknown", "Check the domain")),
        ("html_200", (502, "source_malformed", "web page")),
        ("truncated_json", (502, "source_malformed", "JSON")),
        ("500", (502, "source_unavailable", "500")),
        ("timeout", (502, "source_unavailable", "did not answer")),
        ("429", (429, "source_rate_limited", "quota")),
    ],
)
async def test_a_helpdesk_that_is_none_or_unwell_is_named_at_onboarding(
    tenant: Tenant, sandbox: SandboxServer, kind: Kind, told: tuple[int, str, str]
) -> None:
    status, code, says = told
    sandbox.site.faults.add(Fault(match="/api/v2/", kind=kind, times=None, seconds=20))
    error = error_of(await tenant.client.post("/api/v1/connections", json=wanted(sandbox)), status)
    assert error["code"] == code
    assert says in error["message"]
    assert (await tenant.get("/connections"))["items"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"base_url": "http://localhost:{port}"},
        {"base_url": "http://169.254.169.254/latest"},
        {"base_url": "http://127.0.0.1.evil.example"},
        {"base_url": None, "domain": "localhost:{port}"},
        {"base_url": None, "domain": "hanbit.example.com"},
        {"base_url": None, "domain": "hanbit.freshdesk.com@127.0.0.1:{port}"},
    ],
)
async def test_another_host_than_the_allowed_ones_is_never_called(
    tenant: Tenant, sandbox: SandboxServer, changed: dict[str, str | None]
) -> None:
    port = sandbox.base_url.rpartition(":")[2]
    body = wanted(sandbox, **{name: value and value.replace("{port}", port) for name, value in changed.items()})
    error = error_of(await tenant.client.post("/api/v1/connections", json=body), 422)
    assert error["code"] in ("host_not_allowed", "invalid_request")
    assert sum(sandbox.stats.requests.values()) == 0


async def test_an_unknown_ticket_is_asked_for_at_the_helpdesk_and_not_found(acme: Tenant) -> None:
    for number in ("987654321", "0", "-1", "abc"):
        error = error_of(await acme.client.get(f"/api/v1/init/{number}"), 404)
        assert error["code"] == "ticket_not_found", number
    assert error_of(await acme.client.post("/api/v1/generate_reply", json={"ticket_id": "987654321"}), 404)["code"] == "ticket_not_found"


async def test_a_ticket_that_was_never_synced_comes_from_the_helpdesk_and_is_found_from_then_on(
    trip: Trip, acme: Tenant, sandbox: SandboxServer
) -> None:
    ticket = next(each for each in sandbox.account.tickets.values() if each.state == "live" and each.flow == "solved")
    brief = await acme.get(f"/init/{ticket.id}")
    assert (brief["source"], brief["title"]) == ("helpdesk", ticket.subject)
    assert brief["summary"]["problem"]
    await trip.settle("acme")
    assert (await acme.get(f"/init/{ticket.id}"))["source"] == "store"
    hits = (await acme.ask(ticket.subject))["tickets"]
    assert [hit["original_id"] for hit in hits] == [str(ticket.id)]
    run = await acme.sync()
    assert run["state"] == "completed", run
    assert len((await acme.get("/documents", search=ticket.subject))["items"]) >= 1


async def test_questions_and_bodies_of_any_size_are_answered(tenant: Tenant) -> None:
    for path in ("/api/v1/query", "/api/v1/query/stream"):
        error = error_of(await tenant.client.post(path, json={"question": "환불은 어떻게 하나요? " * 7_143}), 422)
        assert error["code"] == "question_too_long"
        assert "4,000" in error["message"]
        assert error_of(await tenant.client.post(path, json={"question": "가" * 2_000_000}), 413)["code"] == "body_too_large"
        assert error_of(await tenant.client.post(path, json={"question": ""}), 422)["code"] == "invalid_request"
        assert error_of(await tenant.client.post(path, json={"question": " \n\t "}), 422)["code"] == "invalid_request"
        assert error_of(await tenant.client.post(path, content=b'{"question": "\xff"'), 400)["code"] == "unreadable_body"
    # A surrogate that JSON can spell and UTF-8 can't, a null byte, right-to-left marks: nothing to find, but nothing breaks.
    for question in ('"\\ud800"', '"\\u0000"', '"\\u202e\\u200f"', f'"{"👩‍👩‍👧‍👦" * 300}"'):
        answer = await tenant.client.post(
            "/api/v1/query", content=f'{{"question": {question}}}'.encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (200, 400, 422), answer.text


async def test_a_revoked_key_is_told_to_be_revoked(trip: Trip, tenant: Tenant) -> None:
    made = await tenant.post("/keys", {"name": "sidebar", "role": "agent"})
    agent = trip.tenant("acme", made["api_key"])
    assert (await agent.client.get("/api/v1/documents")).status_code == 200
    assert (await tenant.client.delete(f"/api/v1/keys/{made['key_id']}")).is_success
    assert error_of(await agent.client.get("/api/v1/documents"), 401)["code"] == "key_revoked"
    wrong = trip.tenant("acme", made["api_key"][:-1] + ("A" if made["api_key"][-1] != "A" else "B"))
    assert error_of(await wrong.client.get("/api/v1/documents"), 401)["code"] == "unauthenticated"


async def test_bad_attachments_are_recorded_with_their_cause_and_their_tickets_are_found(
    trip: Trip, acme: Tenant, sandbox: SandboxServer
) -> None:
    run = await acme.sync()
    assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
    assert (await acme.get(f"/connections/{acme.connection_id}/failures"))["items"] == []
    await trip.settle("acme")
    causes = {"big": "attachment_too_large", "empty": "attachment_empty", "locked": "attachment_encrypted"}
    for kind, cause in causes.items():
        document, file = await _with_file(acme, sandbox.account, kind)
        assert (file["state"], file["error_code"]) == ("failed", cause), file
        assert file["name"] in file["error_message"]
        assert document["state"] == "indexed"
    # A picture that is called a PDF is told from its bytes and read as what it is.
    document, file = await _with_file(acme, sandbox.account, "misnamed")
    assert (file["state"], file["content_type"], document["state"]) == ("read", "image/png", "indexed")


async def _with_file(tenant: Tenant, account: Account, kind: str) -> tuple[Json, Json]:
    """The document that has a file of this kind, and the file."""
    number, attachment = next((ticket, each) for ticket in account.tickets for each in account.attachments(ticket) if each.kind == kind)
    brief = await tenant.get(f"/init/{number}")
    document = await tenant.get(f"/documents/{brief['document_id']}")
    return document, next(file for file in document["attachments"] if file["attachment_id"] == f"freshdesk-{attachment.id}")
