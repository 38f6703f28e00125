"""One helpdesk that was synced once, for tests that only look; and a fresh house for those that change things."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """A small helpdesk."""
    async with running_sandbox(SandboxOptions(tickets=60)) as server:
        yield server


@pytest.fixture
async def trip(tmp_path: Path) -> AsyncIterator[Trip]:
    """A Desklore without tenants."""
    async with running_trip(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def acme(trip: Trip, sandbox: SandboxServer) -> Tenant:
    """A tenant connected to the small helpdesk, not synced yet."""
    tenant = await trip.onboard("acme")
    await tenant.connect(sandbox)
    return tenant
