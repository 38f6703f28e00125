"""Keys, hosts and rights answer as recorded."""

import httpx

from sandbox.serve import SandboxServer
from tests.sandbox.conftest import PLAIN, client_of


async def test_a_wrong_key_gets_the_recorded_401_and_costs_quota(sandbox: SandboxServer) -> None:
    async with client_of(sandbox, "wrong") as client:
        first = await client.get("/agents/me")
        second = await client.get("/agents/me")
    assert first.status_code == 401
    assert first.json() == {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}
    assert float(second.headers["X-Ratelimit-Remaining"]) == float(first.headers["X-Ratelimit-Remaining"]) - 1


async def test_any_password_goes_with_the_key(sandbox: SandboxServer) -> None:
    async with httpx.AsyncClient(base_url=sandbox.base_url, verify=PLAIN) as client:
        answer = await client.get("/api/v2/agents/me", auth=(sandbox.api_key, "anything"))
    assert answer.json()["contact"]["name"] == "김서연"


async def test_an_unknown_domain_is_404_with_one_blank(api: httpx.AsyncClient) -> None:
    answer = await api.get("/agents/me", headers={"Host": "nobody.freshdesk.com"})
    assert answer.status_code == 404
    assert answer.content == b" "
    assert answer.headers["Content-Type"] == "application/json"
    assert "X-Ratelimit-Total" not in answer.headers


async def test_a_missing_record_is_404_with_an_empty_body(api: httpx.AsyncClient) -> None:
    answer = await api.get("/tickets/999999")
    assert (answer.status_code, answer.content) == (404, b"")


async def test_a_known_path_with_another_method_is_405(api: httpx.AsyncClient) -> None:
    answer = await api.put("/agents/me", json={})
    assert answer.status_code == 405


async def test_recorded_headers_are_there(api: httpx.AsyncClient) -> None:
    headers = (await api.get("/tickets")).headers
    assert headers["X-Freshdesk-Api-Version"] == "latest=v2; requested=v2"
    assert headers["Status"] == "200 OK"
    assert headers["Server"] == "fwe"
    assert headers["X-Request-Id"]
    assert headers["Cache-Control"].startswith("must-revalidate")


async def test_a_restricted_agent_sees_only_own_tickets(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    async with client_of(sandbox, sandbox.restricted_key) as restricted:
        me = (await restricted.get("/agents/me")).json()
        mine = (await restricted.get("/tickets", params={"updated_since": "2024-01-01", "per_page": 100})).json()
        other = next(t.id for t in sandbox.account.tickets.values() if t.state == "live" and t.responder_id != me["id"])
        refused = await restricted.get(f"/tickets/{other}")
        settings = await restricted.get("/settings/helpdesk")
    assert me["ticket_scope"] == 3
    assert {ticket["responder_id"] for ticket in mine} <= {me["id"]}
    assert refused.status_code == settings.status_code == 403
    assert refused.json()["code"] == "access_denied"
    assert (await api.get(f"/tickets/{other}")).status_code == 200


async def test_invalid_json_is_told(api: httpx.AsyncClient) -> None:
    answer = await api.post("/tickets", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_json"
