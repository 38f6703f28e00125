"""A small Zendesk, and Sources on it."""

from collections.abc import AsyncIterator

import pytest

from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk

TICKETS = 120


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskServer]:
    """A small account, without a limit on exports that tests would run into."""
    async with running_zendesk(SandboxOptions(tickets=TICKETS, export_quota=10_000)) as server:
        yield server
