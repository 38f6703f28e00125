"""Every refusal has the one shape, whoever refuses (SPEC G9)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from backend.api import middleware
from backend.api.errors import STATUS, error_response, status_of
from backend.core.errors import SPECS, AppError, Code, Kind
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.walk import KEYLESS, all_routes


def _error(response: httpx.Response, status: int, code: Code) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "details", "timestamp", "request_id"}
    assert error["code"] == code.value
    assert error["message"]
    assert datetime.fromisoformat(error["timestamp"]).tzinfo is not None
    assert error["request_id"] == response.headers["x-request-id"]
    return error


def test_every_kind_has_a_status() -> None:
    assert set(STATUS) == set(Kind)


@pytest.mark.parametrize("code", Code)
def test_every_code_becomes_a_response(code: Code) -> None:
    response = error_response(AppError(code, retry_after=2.1), "req_1")
    assert response.status_code == status_of(code) >= 400
    error = json.loads(bytes(response.body))["error"]
    assert (error["code"], error["request_id"], error["message"]) == (code.value, "req_1", SPECS[code].meaning)
    assert response.headers["retry-after"] == "3"


def test_what_failed_inside_stays_inside() -> None:
    response = error_response(AppError(Code.SECRET_UNREADABLE, "key k1 at /srv/data", details={"path": "/srv"}), "req_1")
    assert b"/srv" not in bytes(response.body)


async def test_no_route_answers_without_a_key(client_as: As) -> None:
    client = client_as(None)
    for method, path in set(all_routes()) - KEYLESS:
        response = await client.request(method, path)
        _error(response, 401, Code.UNAUTHENTICATED)
        assert response.headers["www-authenticate"] == "Bearer"


async def test_unknown_path_and_method(client_as: As) -> None:
    client = client_as(Role.ADMIN)
    _error(await client.get("/api/v1/nothing"), 404, Code.ROUTE_NOT_FOUND)
    _error(await client.get("/nothing"), 404, Code.ROUTE_NOT_FOUND)
    refused = await client.delete("/api/v1/query")
    _error(refused, 405, Code.METHOD_NOT_ALLOWED)
    assert refused.headers["allow"] == "POST"


async def test_a_body_that_is_no_json(client_as: As) -> None:
    client, headers = client_as(Role.ADMIN), {"Content-Type": "application/json"}
    for body in (b'{"question": "\xed\x95', b"{", b"\xff\xfe{}", '{"question": "환불"}'.encode("cp949"), b"[" * 100_000):
        _error(await client.post("/api/v1/query", content=body, headers=headers), 400, Code.UNREADABLE_BODY)
    _error(await client.post("/api/v1/query", content=b"", headers=headers), 422, Code.INVALID_REQUEST)


async def test_a_form_is_told_to_be_json(client_as: As) -> None:
    error = _error(await client_as(Role.ADMIN).post("/api/v1/query", data={"question": "x"}), 400, Code.UNREADABLE_BODY)
    assert "Content-Type: application/json" in error["message"]


async def test_fields_are_named(client_as: As) -> None:
    body = {"question": None, "top_k": 0, "filters": {"doc_types": ["poem"]}, "surprise": 1}
    error = _error(await client_as(Role.ADMIN).post("/api/v1/query", json=body), 422, Code.INVALID_REQUEST)
    assert {each["field"] for each in error["details"]} == {"body.question", "body.top_k", "body.filters.doc_types.0", "body.surprise"}
    assert all(set(each) == {"field", "problem"} for each in error["details"])


async def test_a_refused_field_is_not_repeated(client_as: As) -> None:
    body = {"platform": "paper", "domain": "acme.example", "credentials": {"api_key": ["very-secret-value"]}}
    response = await client_as(Role.ADMIN).post("/api/v1/connections", json=body)
    _error(response, 422, Code.INVALID_REQUEST)
    assert "very-secret-value" not in response.text


async def test_too_large_by_its_length_and_while_it_comes_in(client_as: As) -> None:
    client = client_as(Role.ADMIN)
    large = json.dumps({"question": "가" * 100_000}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    _error(await client.post("/api/v1/query", content=large, headers=headers), 413, Code.BODY_TOO_LARGE)
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for start in range(0, len(large), 10_000):
            sent += 1
            yield large[start : start + 10_000]

    _error(await client.post("/api/v1/query", content=pieces(), headers=headers), 413, Code.BODY_TOO_LARGE)
    assert sent < 30


async def test_a_body_that_is_announced_too_large_is_not_waited_for(client_as: As) -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    headers = {"Content-Type": "application/json", "Content-Length": "90000000"}
    _error(await client_as(None).post("/api/v1/query", content=never(), headers=headers), 413, Code.BODY_TOO_LARGE)


async def test_a_body_that_stops_coming_is_let_go_of(client_as: As, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.05)

    async def half() -> AsyncIterator[bytes]:
        yield b'{"question":'
        await asyncio.Event().wait()

    response = await client_as(None).post("/api/v1/query", content=half(), headers={"Content-Type": "application/json"})
    assert "stopped coming" in _error(response, 400, Code.UNREADABLE_BODY)["message"]
    assert response.headers["connection"] == "close"


async def test_a_body_of_200_kb_is_read(client_as: As) -> None:
    body = {"question": "환불", "filters": {"tags": ["가" * 190] * 100}, "language": "ko" + " " * 140_000}
    assert (await client_as(Role.ADMIN).post("/api/v1/query", json=body)).status_code != 413


async def test_the_unexpected_is_logged_and_not_told(app: FastAPI, client_as: As) -> None:
    async def fails() -> Mapping[str, str]:
        raise RuntimeError("connection string postgres://secret")

    app.add_api_route("/api/v1/fails", fails)
    with structlog.testing.capture_logs() as lines:
        response = await client_as(Role.ADMIN).get("/api/v1/fails", headers={"X-Request-Id": "mine-1"})
    error = _error(response, 500, Code.INTERNAL)
    assert error["request_id"] == "mine-1"
    assert "secret" not in response.text
    assert any(line["event"] == "request_failed" and line["exc_info"] for line in lines)
    assert response.headers["x-content-type-options"] == "nosniff"
