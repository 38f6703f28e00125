"""A running Zendesk sandbox and a client for it."""

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk

#: Nothing here speaks TLS; one empty context spares every client the reading of the certificate store.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskServer]:
    """An account with room for every special ticket."""
    async with running_zendesk(SandboxOptions(tickets=120, export_quota=100)) as server:
        yield server


@pytest.fixture
async def api(zendesk: ZendeskServer) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's client below `/api/v2`."""
    auth = (f"{zendesk.email}/token", zendesk.api_key)
    async with httpx.AsyncClient(base_url=f"{zendesk.base_url}/api/v2", auth=auth, verify=PLAIN) as client:
        yield client


@pytest.fixture
async def control(zendesk: ZendeskServer) -> AsyncIterator[httpx.AsyncClient]:
    """The remote control."""
    headers = {"X-Sandbox-Control": zendesk.control_key}
    async with httpx.AsyncClient(base_url=f"{zendesk.base_url}/_sandbox", headers=headers, verify=PLAIN) as client:
        yield client


@pytest.fixture
async def anonymous(zendesk: ZendeskServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any credential."""
    async with httpx.AsyncClient(base_url=zendesk.base_url, verify=PLAIN) as client:
        yield client
