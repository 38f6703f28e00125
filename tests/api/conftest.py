"""The HTTP API over a house of real parts: two tenants, `acme` and `bravo`, with the same ticket ids."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from backend.api.app import ApiOptions, create_app
from backend.core.model.tenant import Role
from tests.api.house import OPERATOR_KEY, House, Template, fill_index, make_template, open_copy

As = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return asyncio.run(make_template(tmp_path_factory.mktemp("template")))


@pytest.fixture
async def house(tmp_path: Path, template: Template) -> AsyncIterator[House]:
    async with open_copy(tmp_path, template) as made:
        yield made


@pytest.fixture
async def searchable(house: House) -> House:
    """The house with both tenants' documents in the index."""
    await fill_index(house, "acme")
    await fill_index(house, "bravo")
    return house


@pytest.fixture
async def app(house: House) -> AsyncIterator[FastAPI]:
    options = ApiOptions(body_max_bytes=250_000)
    app = create_app(house.services, house.auth, render_metrics=house.meter.render, data_dir=house.data_dir, options=options)
    yield app
    await app.state.answering.close(0)
    await app.state.inbox.close()
    await app.state.looks.close()
    await app.state.authenticator.close()


@pytest.fixture
async def client_as(app: FastAPI, house: House) -> AsyncIterator[As]:
    """`client_as(Role.AGENT)` or `client_as(Role.ADMIN, "bravo")`: a client with that key; None: without any."""
    opened: list[httpx.AsyncClient] = []

    def make(role: Role | None, company_id: str = "acme") -> httpx.AsyncClient:
        key = OPERATOR_KEY if role is Role.OPERATOR else house.api_keys[f"{company_id}/{role}"] if role else None
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        opened.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desklore.test", headers=headers))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()
