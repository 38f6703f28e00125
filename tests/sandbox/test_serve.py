"""The server starts in a test and as a process, alone or beside another one."""

import asyncio
import socket
import sys

import httpx
import pytest

from sandbox.serve import SandboxOptions, running_sandbox
from tests.sandbox.conftest import PLAIN, client_of


async def test_two_accounts_side_by_side() -> None:
    one, two = SandboxOptions(tickets=20), SandboxOptions(tickets=20, seed=8, company_name="Pado Commerce", api_key="second-key")
    async with running_sandbox(one) as first, running_sandbox(two) as second, client_of(first) as a, client_of(second) as b:
        left, right = (await a.get("/tickets/5")).json(), (await b.get("/tickets/5")).json()
        crossed = await b.get("/agents/me", auth=(first.api_key, "X"))
    assert left["id"] == right["id"]
    assert left["description"] != right["description"]
    assert crossed.status_code == 401


async def test_many_requests_at_once_are_counted() -> None:
    async with running_sandbox(SandboxOptions(tickets=20, latency_ms=20)) as server, client_of(server) as api:
        await asyncio.gather(*(api.get(f"/tickets/{number}") for number in range(1, 9)))
        assert server.stats.max_active > 1
        assert server.stats.total == 8


async def test_a_busy_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match=r"in use"):
            async with running_sandbox(SandboxOptions(tickets=1, port=taken.getsockname()[1])):
                pass


async def test_it_runs_as_a_process() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--port", "0", "--tickets", "30", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        address = next(word for word in line.split() if word.startswith("http"))
        async with httpx.AsyncClient(verify=PLAIN) as client:
            answer = await client.get(f"{address}/api/v2/tickets/1", auth=("sandbox-key", "X"))
        assert answer.status_code == 200
    finally:
        process.terminate()
        await process.wait()
