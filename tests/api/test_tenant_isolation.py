"""No key of one tenant reaches anything of another, by any route; a new route fails here until it is listed (SPEC D4)."""

from typing import Any

import httpx
import msgspec

from backend.core import clock
from backend.core.model.answer import Answer
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.document import DocType
from backend.core.model.feedback import Feedback, Rating
from backend.core.model.provider import ModelRole, OwnProvider
from backend.core.model.stream import Event, Stream
from backend.core.model.sync import ItemFailure, Run, RunCounts, RunOptions, RunState
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import RECEIPT, House, ticket_id
from tests.api.walk import KEYLESS, all_routes

CONNECTION = {"platform": "paper", "domain": "acme.example", "credentials": {"api_key": GOOD_KEY}}


PERSON = "kim@acme-only.example"


async def _brings_a_model(house: House) -> None:
    async with house.services.database.directory() as directory:
        tenant = await directory.lock_tenant("acme")
        assert tenant is not None
        own = OwnProvider(provider="openai", model="acme-only-model", base_url="https://acme-only.example", set_at=clock.now())
        await directory.put_tenant(msgspec.structs.replace(tenant, providers={ModelRole.GENERATE: own}))


async def _made(house: House, acme: httpx.AsyncClient) -> dict[str, str]:
    """One of everything for acme; returns the ids."""
    connection = (await acme.post("/api/v1/connections", json=CONNECTION)).json()["connection_id"]
    key = (await acme.post("/api/v1/keys", json={"name": "acme-only key", "role": "viewer"})).json()["key_id"]
    erasure = (await acme.post("/api/v1/people/erase", json={"email": PERSON})).json()["erasure_id"]
    export = (await acme.post("/api/v1/exports")).json()["export_id"]
    now = clock.now()
    run = Run(
        run_id="run_acme", connection_id=connection, state=RunState.COMPLETED, options=RunOptions(), counts=RunCounts(), created_at=now
    )
    answer = Answer(
        answer_id="ans_acme",
        question="acme-only question",
        text="",
        language="ko",
        grounded=False,
        citations=(),
        model="m",
        provider="p",
        usage=Usage(),
        created_at=now,
    )
    blobs = house.services.blobs.open("acme")
    await blobs.put("attachments/paper/f9/file", b"acme-only bytes")
    failure = ItemFailure(doc_type=DocType.TICKET, original_id="acme-only-ticket", code="internal", message="m", at=now)
    await _brings_a_model(house)
    async with house.services.database.open("acme") as uow:
        ticket = await uow.documents.get(ticket_id("acme"))
        assert ticket is not None
        another = {"document_id": "11111111-1111-5111-8111-111111111111", "original_id": "909", "title": "acme-only ticket"}
        await uow.documents.put([msgspec.structs.replace(ticket, **another)])
        [file, *_] = await uow.attachments.of([ticket.document_id])
        own_file = {"attachment_id": "paper-f9", "blob_key": "attachments/paper/f9/file", "name": "acme-only.png"}
        await uow.attachments.put([msgspec.structs.replace(file, **own_file)])
        await uow.sync.put_run(run)
        await uow.sync.put_failures(connection, [failure])
        await uow.feedback.put_answer(answer)
        thumb = Feedback(feedback_id="fb_acme", caller="key:k", answer_id="ans_acme", rating=Rating.UP, comment="acme-only comment", at=now)
        await uow.feedback.put(thumb)
        await uow.usage.add([UsageRow(day=now.date(), provider="acme-only", model="m", purpose=Purpose.ANSWER, usage=Usage(calls=1))])
    stream = Stream(stream_id="stream_acme", owner=f"{key}/", scopes=frozenset())
    writer = await house.services.streams.begin("acme", stream, lambda: None)
    writer.append(Event(name="token", data=b'"acme-only text"'))
    return {
        "stream_id": "stream_acme",
        "erasure_id": erasure,
        "upload_id": "upload_acme",
        "export_id": export,
        "connection_id": connection,
        "key_id": key,
        "run_id": "run_acme",
        "answer_id": "ans_acme",
        "document_id": ticket_id("acme"),
        "attachment_id": "paper-f9",
        "ticket_id": "909",
        "company_id": "acme",
        "doc_type": "ticket",
        "original_id": "acme-only-ticket",
    }


# What bravo's admin may get for each route: a status with acme's ids, or None where the route shows bravo's own things.
WITH_FOREIGN_ID: dict[tuple[str, str], int] = {
    ("GET", "/api/v1/attachments/{attachment_id}"): 404,
    ("GET", "/api/v1/connections/{connection_id}"): 404,
    ("PATCH", "/api/v1/connections/{connection_id}"): 404,
    ("DELETE", "/api/v1/connections/{connection_id}"): 404,
    ("GET", "/api/v1/connections/{connection_id}/failures"): 404,
    ("POST", "/api/v1/connections/{connection_id}/failures/retry"): 404,
    ("GET", "/api/v1/connections/{connection_id}/failures/{doc_type}/{original_id}"): 404,
    ("DELETE", "/api/v1/connections/{connection_id}/failures/{doc_type}/{original_id}"): 404,
    ("GET", "/api/v1/connections/{connection_id}/deletions"): 404,
    ("GET", "/api/v1/connections/{connection_id}/files"): 404,
    ("POST", "/api/v1/connections/{connection_id}/files"): 404,
    ("POST", "/api/v1/connections/{connection_id}/files/preview"): 404,
    ("GET", "/api/v1/connections/{connection_id}/files/declaration"): 404,
    ("PUT", "/api/v1/connections/{connection_id}/files/declaration"): 404,
    ("DELETE", "/api/v1/connections/{connection_id}/files"): 404,
    ("POST", "/api/v1/connections/{connection_id}/uploads"): 404,
    ("PUT", "/api/v1/connections/{connection_id}/uploads/{upload_id}/content"): 404,
    ("POST", "/api/v1/connections/{connection_id}/uploads/{upload_id}/commit"): 404,
    ("PUT", "/api/v1/connections/{connection_id}/schedule"): 404,
    ("DELETE", "/api/v1/connections/{connection_id}/schedule"): 404,
    ("POST", "/api/v1/connections/{connection_id}/deletions"): 404,
    ("POST", "/api/v1/connections/{connection_id}/imports"): 404,
    ("POST", "/api/v1/connections/{connection_id}/webhook"): 404,
    ("POST", "/api/v1/connections/{connection_id}/webhook/registration"): 404,
    ("DELETE", "/api/v1/connections/{connection_id}/webhook"): 404,
    ("GET", "/api/v1/documents/{document_id}"): 404,
    ("GET", "/api/v1/documents/{document_id}/chunks"): 404,
    ("POST", "/api/v1/documents/rebuild"): 404,
    ("GET", "/api/v1/exports/{export_id}"): 404,
    ("GET", "/api/v1/exports/{export_id}/download"): 404,
    ("DELETE", "/api/v1/exports/{export_id}"): 404,
    ("POST", "/api/v1/feedback"): 404,
    ("POST", "/api/v1/generate_reply"): 404,
    ("POST", "/api/v1/generate_reply/stream"): 404,
    ("POST", "/api/v1/ingest"): 404,
    ("POST", "/api/v1/ingest/estimate"): 404,
    ("GET", "/api/v1/init/{ticket_id}"): 404,
    ("GET", "/api/v1/init/{ticket_id}/stream"): 404,
    ("DELETE", "/api/v1/keys/{key_id}"): 404,
    ("GET", "/api/v1/people/erasures/{erasure_id}"): 404,
    ("GET", "/api/v1/runs/{run_id}"): 404,
    ("POST", "/api/v1/runs/{run_id}/cancel"): 404,
    ("GET", "/api/v1/runs/{run_id}/events"): 404,
    ("GET", "/api/v1/streams/{stream_id}"): 404,
    ("POST", "/api/v1/streams/{stream_id}/cancel"): 404,
    ("GET", "/api/v1/operator/audit"): 403,
    ("GET", "/api/v1/master-key"): 403,
    ("POST", "/api/v1/master-key/rotate"): 403,
    ("GET", "/api/v1/tenants"): 403,
    ("POST", "/api/v1/tenants"): 403,
    ("GET", "/api/v1/tenants/{company_id}"): 403,
    ("DELETE", "/api/v1/tenants/{company_id}"): 403,
    ("POST", "/api/v1/tenants/{company_id}/keys"): 403,
    ("GET", "/api/v1/tenants/{company_id}/budget"): 403,
    ("PUT", "/api/v1/tenants/{company_id}/budget"): 403,
    ("DELETE", "/api/v1/tenants/{company_id}/budget"): 403,
}
SHOWS_ITS_OWN = {
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/connections"),
    ("POST", "/api/v1/connections"),
    ("POST", "/api/v1/connections/check"),
    ("GET", "/api/v1/documents"),
    ("GET", "/api/v1/exports"),
    ("POST", "/api/v1/exports"),
    ("GET", "/api/v1/feedback"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/keys"),
    ("POST", "/api/v1/auth/token"),
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/people/erasures"),
    ("POST", "/api/v1/people/erase"),
    ("POST", "/api/v1/people/export"),
    ("POST", "/api/v1/query"),
    ("POST", "/api/v1/query/stream"),
    ("POST", "/api/v1/rewrite"),
    ("POST", "/api/v1/rewrite/stream"),
    ("GET", "/api/v1/runs"),
    ("POST", "/api/v1/search"),
    ("GET", "/api/v1/search/calibration"),
    ("PUT", "/api/v1/search/calibration"),
    ("DELETE", "/api/v1/search/calibration"),
    ("GET", "/api/v1/settings"),
    ("PATCH", "/api/v1/settings"),
    ("GET", "/api/v1/settings/providers"),
    ("PUT", "/api/v1/settings/providers/{role}"),
    ("DELETE", "/api/v1/settings/providers/{role}"),
    ("GET", "/api/v1/usage"),
    ("GET", "/api/v1/budget"),
    ("POST", "/api/v1/documents/resummarize"),
    ("POST", "/api/v1/documents/retry"),
    ("PUT", "/api/v1/budget"),
    ("DELETE", "/api/v1/budget"),
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/v1/settings"): {"masking": True},
    ("PUT", "/api/v1/settings/providers/{role}"): {"provider": "offline"},
    ("PATCH", "/api/v1/connections/{connection_id}"): {"state": "paused"},
    ("POST", "/api/v1/connections/{connection_id}/deletions"): {"delete": True},
    ("PUT", "/api/v1/connections/{connection_id}/schedule"): {"every_minutes": 15},
    ("POST", "/api/v1/tenants"): {"company_id": "acme", "name": "taken"},
    ("POST", "/api/v1/tenants/{company_id}/keys"): {},
    ("POST", "/api/v1/master-key/rotate"): {},
    ("POST", "/api/v1/connections"): CONNECTION | {"domain": "bravo.example"},
    ("POST", "/api/v1/connections/check"): CONNECTION | {"domain": "bravo.example"},
    ("POST", "/api/v1/keys"): {"name": "bravo key", "role": "viewer"},
    ("POST", "/api/v1/auth/token"): {"subject": "someone"},
    ("POST", "/api/v1/query"): {"question": "환불이 지연됩니다 acme"},
    ("POST", "/api/v1/query/stream"): {"question": "환불이 지연됩니다 acme"},
}
BODIES |= {
    ("POST", "/api/v1/rewrite"): {"text": "안녕하세요. 확인해 주세요.", "action": "tone", "tone": "formal"},
    ("POST", "/api/v1/rewrite/stream"): {"text": "안녕하세요. 확인해 주세요.", "action": "shorten"},
    ("POST", "/api/v1/search"): {"query": "환불이 지연됩니다 acme"},
    ("PUT", "/api/v1/search/calibration"): {"min_support": 0.5, "kept": 0.9, "refused": 0.8, "questions": 10},
}
BODIES |= {("POST", "/api/v1/documents/resummarize"): {}, ("POST", "/api/v1/connections/{connection_id}/failures/retry"): {}}
BODIES |= {("PUT", "/api/v1/connections/{connection_id}/files/declaration"): {"yaml": ""}}
BODIES |= {("POST", "/api/v1/connections/{connection_id}/uploads"): {"filename": "a.csv", "size": 1}}
BODIES |= {("POST", "/api/v1/people/erase"): {"email": PERSON}, ("POST", "/api/v1/people/export"): {"email": PERSON}}
BODIES |= {("PUT", "/api/v1/budget"): {"daily_usd": 1}, ("PUT", "/api/v1/tenants/{company_id}/budget"): {"daily_usd": 1}}
BODY_IDS = {
    "/api/v1/feedback": ("answer_id", "document_id"),
    "/api/v1/generate_reply": ("ticket_id",),
    "/api/v1/generate_reply/stream": ("ticket_id",),
    "/api/v1/documents/rebuild": ("connection_id",),
    "/api/v1/ingest": ("connection_id",),
    "/api/v1/ingest/estimate": ("connection_id",),
}


def test_every_route_is_listed() -> None:
    assert set(WITH_FOREIGN_ID) | SHOWS_ITS_OWN | KEYLESS == set(all_routes())


async def test_foreign_ids_are_unknown(house: House, client_as: As) -> None:
    ids = await _made(house, client_as(Role.ADMIN, "acme"))
    bravo = client_as(Role.ADMIN, "bravo")
    for (method, path), expected in WITH_FOREIGN_ID.items():
        bodies = [BODIES.get((method, path))]
        if path in BODY_IDS:
            bodies = [{name: ids[name]} | ({"rating": "up"} if path.endswith("feedback") else {}) for name in BODY_IDS[path]]
        for body in bodies:
            response = await bravo.request(
                method, path.format(**ids), json=body, params={"path": "tickets.csv"} if path.endswith("/files") else None
            )
            assert response.status_code == expected, (method, path, response.text)
            assert "acme-only" not in response.text
    assert (await client_as(Role.ADMIN, "acme").get(f"/api/v1/connections/{ids['connection_id']}")).json()["state"] == "active"


async def test_own_things_hold_nothing_foreign(searchable: House, client_as: As) -> None:
    ids = await _made(searchable, client_as(Role.ADMIN, "acme"))
    bravo = client_as(Role.ADMIN, "bravo")
    foreign = [value for name, value in ids.items() if name not in {"ticket_id", "company_id", "doc_type"}]
    for method, path in sorted(SHOWS_ITS_OWN):
        body = BODIES.get((method, path))
        response = await bravo.request(method, path.format(role="generate"), json=body, headers={"X-Company-Id": "acme"})
        assert response.status_code < 300, (method, path, response.text)
        assert not [text for text in (*foreign, "acme-only", "(acme)") if text in response.text], (method, path)
    assert (await bravo.get("/api/v1/me", headers={"X-Company-Id": "acme"})).json()["company_id"] == "bravo"


async def test_the_same_attachment_id_in_two_tenants_is_two_files(house: House, client_as: As) -> None:
    await house.services.blobs.open("bravo").put("attachments/paper/f1/file", b"bravo bytes")
    assert (await client_as(Role.VIEWER, "bravo").get("/api/v1/attachments/paper-f1")).content == b"bravo bytes"
    assert (await client_as(Role.VIEWER, "acme").get("/api/v1/attachments/paper-f1")).content == RECEIPT


async def test_the_operator_reads_no_tenants_data(client_as: As) -> None:
    operator = client_as(Role.OPERATOR)
    for method, path in set(all_routes()) - KEYLESS:
        if not path.startswith(("/api/v1/tenants", "/api/v1/master-key", "/api/v1/operator")) and path != "/api/v1/me":
            response = await operator.request(method, path, json=BODIES.get((method, path)))
            assert response.status_code == 403, (method, path, response.text)
