"""The budget has a general bucket and smaller ones inside it."""

import httpx
import pytest

from sandbox.freshdesk.limits import Limits
from sandbox.serve import SandboxOptions, running_sandbox
from tests.sandbox.conftest import client_of


def _numbers(answer: httpx.Response) -> tuple[float, float]:
    return float(answer.headers["X-Ratelimit-Total"]), float(answer.headers["X-Ratelimit-Remaining"])


async def test_ticket_routes_share_a_bucket_and_spend_the_general_one() -> None:
    async with running_sandbox(SandboxOptions(tickets=10, quota=100)) as server, client_of(server) as api:
        general = await api.get("/ticket_fields")
        tickets = [await api.get(path) for path in ("/tickets", "/tickets/1", "/tickets/2/conversations")]
        contacts = await api.get("/contacts")
        later = await api.get("/ticket_fields")
    assert _numbers(general) == (100, 99)
    assert [_numbers(answer) for answer in tickets] == [(40, 39), (40, 38), (40, 37)]
    assert _numbers(contacts) == (40, 39)
    assert _numbers(later) == (100, 94)


async def test_includes_cost_credits() -> None:
    async with running_sandbox(SandboxOptions(tickets=10, quota=1000)) as server, client_of(server) as api:
        listed = await api.get("/tickets", params={"include": "description,requester,stats"})
        viewed = await api.get("/tickets/1", params={"include": "conversations,requester"})
    assert float(listed.headers["X-Ratelimit-Used-CurrentRequest"]) == 7
    assert float(viewed.headers["X-Ratelimit-Used-CurrentRequest"]) == 4


async def test_an_empty_bucket_answers_429_until_its_window_ends() -> None:
    async with running_sandbox(SandboxOptions(tickets=10, quota=5)) as server, client_of(server) as api:
        statuses = [(await api.get("/tickets")).status_code for _ in range(3)]
        refused = await api.get("/tickets")
        other = await api.get("/groups")
    assert statuses == [200, 200, 429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert other.status_code == 200


def test_a_new_window_starts_full(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("sandbox.freshdesk.limits.time.monotonic", lambda: now)
    limits = Limits(2, {}, 60)
    assert [limits.spend("groups", 1).retry_after for _ in range(3)] == [None, None, 60]
    now = 1059.5
    assert limits.spend("groups", 1).retry_after == 1
    now = 1060.0
    assert limits.spend("groups", 1).remaining == 1


async def test_rate_headers_are_floats_now_and_then() -> None:
    async with running_sandbox(SandboxOptions(tickets=10)) as server, client_of(server) as api:
        totals = {(await api.get("/groups")).headers["X-Ratelimit-Total"] for _ in range(20)}
    assert totals == {"100000", "100000.0"}
