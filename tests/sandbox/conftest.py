"""A running sandbox and a client for it."""

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox

#: Nothing here speaks TLS; one empty context spares every client the reading of the certificate store.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(server: SandboxServer, key: str | None = None) -> httpx.AsyncClient:
    """A client below `/api/v2`."""
    return httpx.AsyncClient(base_url=f"{server.base_url}/api/v2", auth=(key or server.api_key, "X"), verify=PLAIN)


def control_of(server: SandboxServer) -> httpx.AsyncClient:
    """A client of the remote control."""
    return httpx.AsyncClient(base_url=f"{server.base_url}/_sandbox", headers={"X-Sandbox-Control": server.control_key}, verify=PLAIN)


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """An account with room for every special ticket."""
    async with running_sandbox(SandboxOptions(tickets=120)) as server:
        yield server


@pytest.fixture
async def api(sandbox: SandboxServer) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's client."""
    async with client_of(sandbox) as client:
        yield client


@pytest.fixture
async def control(sandbox: SandboxServer) -> AsyncIterator[httpx.AsyncClient]:
    """The remote control."""
    async with control_of(sandbox) as client:
        yield client


@pytest.fixture
async def anonymous() -> AsyncIterator[httpx.AsyncClient]:
    """A client without any key, for files."""
    async with httpx.AsyncClient(verify=PLAIN) as client:
        yield client
