"""The client: answers, streams, and every way a server can fail, told in one line."""

import json

import httpx
import pytest
import respx

from backend.cli.client import ApiClient, Event, parse_events
from backend.cli.errors import CliError, Exit

URL = "http://desklore.test:8000"
API = f"{URL}/api/v1"


@pytest.fixture
def client() -> ApiClient:
    return ApiClient(f"{URL}/", "dk_key")


def _error(code: str, message: str = "Do this.", details: object = None) -> dict[str, object]:
    return {
        "error": {"code": code, "message": message, "details": details or {}, "timestamp": "2026-11-20T09:00:00Z", "request_id": "req_1"}
    }


@respx.mock
def test_an_answer_is_its_json_and_the_key_is_sent(client: ApiClient) -> None:
    route = respx.get(f"{API}/runs").respond(json={"items": []})
    assert client.get("/runs", limit=5, connection_id=None) == {"items": []}
    request = route.calls.last.request
    assert request.headers["Authorization"] == "Bearer dk_key"
    assert dict(request.url.params) == {"limit": "5"}


@respx.mock
@pytest.mark.parametrize("told", ["0.01", "0", "-1"])
def test_what_the_server_needs_time_for_is_asked_for_again_when_it_says(client: ApiClient, told: str) -> None:
    route = respx.get(f"{API}/init/7").mock(
        side_effect=[httpx.Response(202, json={"state": "fetching"}, headers={"Retry-After": told})] * 2
        + [httpx.Response(200, json={"ticket_id": "7"})]
    )
    assert client.get_when_ready("/init/7", platform="freshdesk") == {"ticket_id": "7"}
    assert [dict(call.request.url.params) for call in route.calls] == [{"platform": "freshdesk"}] * 3


@respx.mock
@pytest.mark.parametrize("told", ["301", "1e9", "inf"])
def test_nobody_waits_for_ever(client: ApiClient, told: str) -> None:
    route = respx.get(f"{API}/init/7").respond(202, json={"state": "fetching"}, headers={"Retry-After": told})
    with pytest.raises(CliError, match="still fetching") as caught:
        client.get_when_ready("/init/7")
    assert caught.value.exit_code is Exit.UPSTREAM
    assert route.call_count == 1
    route.respond(202, json={"state": "fetching"}, headers={"Retry-After": "Fri, 20 Nov 2026 09:00:00 GMT"})
    with pytest.raises(CliError, match="still fetching"):
        client.get_when_ready("/init/7", patience=0.5)


@respx.mock
def test_no_content_is_none(client: ApiClient) -> None:
    respx.delete(f"{API}/keys/k").respond(204)
    assert client.call("DELETE", "/keys/k") is None


@respx.mock
def test_an_error_of_the_api_keeps_its_code_message_and_request_id(client: ApiClient) -> None:
    respx.post(f"{API}/ingest").respond(409, json=_error("run_active", "Wait for it.", {"run_id": "run_1"}))
    with pytest.raises(CliError) as caught:
        client.post("/ingest", {})
    error = caught.value
    assert (error.exit_code, error.code, error.message) == (Exit.FAILED, "run_active", "Wait for it.")
    assert error.details == {"run_id": "run_1", "request_id": "req_1"}


@respx.mock
def test_fields_of_a_malformed_request_are_kept(client: ApiClient) -> None:
    respx.post(f"{API}/tenants").respond(422, json=_error("invalid_request", details=[{"field": "body.name", "problem": "too long"}]))
    with pytest.raises(CliError) as caught:
        client.post("/tenants", {})
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.details["fields"] == [{"field": "body.name", "problem": "too long"}]


@respx.mock
@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "", '{"error": "no"}', "[]"])
def test_what_is_not_desklore_is_said_to_be_so(client: ApiClient, body: str) -> None:
    respx.get(f"{API}/runs").respond(502, text=body)
    with pytest.raises(CliError, match="502") as caught:
        client.get("/runs")
    assert (caught.value.exit_code, caught.value.code) == (Exit.UPSTREAM, "http_502")


@respx.mock
@pytest.mark.parametrize("body", ["<p>Welcome</p>", '{"items": [{"run_id": "run'])
def test_a_page_or_half_an_answer_is_no_desklore(client: ApiClient, body: str) -> None:
    respx.get(f"{API}/runs").respond(200, text=body)
    with pytest.raises(CliError, match="is not Desklore") as caught:
        client.get("/runs")
    assert caught.value.exit_code is Exit.UNREACHABLE


@respx.mock
@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")])
def test_no_answer_is_unreachable(client: ApiClient, failure: httpx.TransportError) -> None:
    respx.get(f"{API}/runs").mock(side_effect=failure)
    with pytest.raises(CliError) as caught:
        client.get("/runs")
    assert caught.value.exit_code is Exit.UNREACHABLE
    assert "desklore up" in caught.value.message or "try again" in caught.value.message


def test_nobody_listens_is_unreachable() -> None:
    with ApiClient("http://127.0.0.1:1", None) as client, pytest.raises(CliError, match="desklore up") as caught:
        client.get("/runs")
    assert caught.value.exit_code is Exit.UNREACHABLE


@respx.mock
def test_events_come_as_they_are_named(client: ApiClient) -> None:
    stream = 'id: 1\nevent: token\ndata: {"text": "환불은 "}\n\n: heartbeat\n\nid: 2\nevent: done\ndata: {"a": 1}\n\n'
    route = respx.post(f"{API}/query/stream").respond(text=stream, headers={"Content-Type": "text/event-stream"})
    events = list(client.events("POST", "/query/stream", body={"question": "환불?"}))
    assert events == [Event("token", {"text": "환불은 "}, "1"), Event("done", {"a": 1}, "2")]
    assert route.calls.last.request.headers["Accept"] == "text/event-stream"
    assert json.loads(route.calls.last.request.content) == {"question": "환불?"}


@respx.mock
def test_an_error_before_a_stream_is_an_ordinary_one(client: ApiClient) -> None:
    respx.get(f"{API}/runs/r/events").respond(404, json=_error("run_not_found"))
    with pytest.raises(CliError) as caught:
        list(client.events("GET", "/runs/r/events"))
    assert caught.value.exit_code is Exit.NOT_FOUND


def test_events_over_several_lines_and_without_an_end() -> None:
    lines = ["event: a", "data: [1,", "data: 2]", "", "data: plain", "", "event: cut", "data: {"]
    assert list(parse_events(iter(lines))) == [Event("a", [1, 2]), Event("message", "plain")]


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", ""])
def test_what_is_no_address_is_wrong_usage(url: str) -> None:
    with pytest.raises(CliError, match="address") as caught:
        ApiClient(url, None)
    assert caught.value.exit_code is Exit.USAGE
