"""Too many requests: refused in our shape with the time to come back, by tenant, key and address, and nobody else feels it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from backend.api.app import create_app
from backend.core.model.tenant import Role
from backend.core.ports.rates import RateScope
from backend.runtime import build
from backend.settings import Settings
from backend.storage.redis.rates import LimitedRates
from tests.api.house import OPERATOR_KEY, House
from tests.servers.redis import own_server

Serve = Callable[[dict[RateScope, str]], FastAPI]


@pytest.fixture(params=("memory", "redis"))
async def serve(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Serve]:
    """The API with these limits."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    made: list[tuple[FastAPI, LimitedRates]] = []

    def new(limits: dict[RateScope, str]) -> FastAPI:
        rates = LimitedRates(limits, url)
        app = create_app(house.services, house.auth, render_metrics=house.meter.render, rates=rates)
        made.append((app, rates))
        return app

    yield new
    for app, rates in made:
        await app.state.authenticator.close()
        await rates.close()


def _client(app: FastAPI, key: str | None, address: str = "203.0.113.1") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://desklore.test", headers=headers)


async def _statuses(client: httpx.AsyncClient, times: int, path: str = "/api/v1/me") -> list[int]:
    return [(await client.get(path)).status_code for _ in range(times)]


async def test_a_flood_of_one_tenant_does_not_touch_another(serve: Serve, house: House) -> None:
    app = serve({RateScope.TENANT: "5/hour"})
    agent, admin = (_client(app, house.api_keys[f"acme/{role}"]) for role in (Role.AGENT, Role.ADMIN))
    other = _client(app, house.api_keys[f"bravo/{Role.AGENT}"])
    assert await _statuses(agent, 7) == [200] * 5 + [429] * 2
    refused = await admin.get("/api/v1/me")
    assert refused.status_code == 429, "all keys of a company count together"
    error = refused.json()["error"]
    assert error["code"] == "rate_limited"
    assert error["request_id"] == refused.headers["x-request-id"]
    assert 1 <= int(refused.headers["retry-after"]) <= 3_600
    assert await _statuses(other, 5) == [200] * 5
    operator = _client(app, OPERATOR_KEY)
    assert await _statuses(operator, 6, "/api/v1/tenants") == [200] * 6


async def test_a_key_has_a_limit_of_its_own(serve: Serve, house: House) -> None:
    app = serve({RateScope.KEY: "2/hour"})
    agent, admin = (_client(app, house.api_keys[f"acme/{role}"]) for role in (Role.AGENT, Role.ADMIN))
    assert await _statuses(agent, 3) == [200, 200, 429]
    assert await _statuses(admin, 2) == [200, 200]


async def test_an_address_is_limited_before_anybody_knows_who_asks(serve: Serve, house: House) -> None:
    app = serve({RateScope.ADDRESS: "3/hour"})
    guesser, other = _client(app, "dk_wrong"), _client(app, house.api_keys[f"acme/{Role.AGENT}"], "203.0.113.2")
    assert await _statuses(guesser, 4) == [401, 401, 401, 429]
    assert await _statuses(other, 3) == [200] * 3
    for path in ("/health/live", "/health", "/metrics"):
        assert (await guesser.get(path)).status_code == 200
    text = (await guesser.get("/metrics")).text
    assert 'desklore_http_limited_total{scope="address"} 1.0' in text


async def test_while_redis_is_away_each_process_counts_for_itself() -> None:
    with own_server() as server:
        rates = LimitedRates({RateScope.TENANT: "2/hour"}, server.url())
        server.kill()
        taken = [await rates.take(RateScope.TENANT, "acme") for _ in range(3)]
        assert taken[:2] == [None, None]
        assert taken[2] is not None
        await rates.close()


async def test_processes_count_together(redis_url: str) -> None:
    one, two = (LimitedRates({RateScope.TENANT: "2/hour"}, redis_url) for _ in range(2))
    assert await one.take(RateScope.TENANT, "acme") is None
    assert await two.take(RateScope.TENANT, "acme") is None
    assert await one.take(RateScope.TENANT, "acme") is not None
    assert await two.take(RateScope.TENANT, "bravo") is None
    await one.close()
    await two.close()


async def test_a_limit_is_switched_off_by_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DESKLORE_RATE_KEY", "")
    assert Settings(_env_file=None).rate_key, "an empty variable is one that is not given"
    monkeypatch.setenv("DESKLORE_RATE_ADDRESS", "unlimited")
    runtime = await build(Settings(_env_file=None, data_dir=tmp_path, rate_login="1/hour"))
    try:
        rates = runtime.app.state.rates
        assert [await rates.take(RateScope.ADDRESS, "203.0.113.1") for _ in range(12_100)] == [None] * 12_100
        assert [await rates.take(RateScope.LOGIN, "acme", "conn_1") is None for _ in range(2)] == [True, False]
    finally:
        await runtime.close()
