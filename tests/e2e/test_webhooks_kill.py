"""A server that is killed between its 202 and the read loses nothing that a webhook told of."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from pathlib import Path

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e import test_kill as killing


def _noted(data_dir: Path) -> int:
    with contextlib.closing(sqlite3.connect(data_dir / "desklore.db")) as database:
        count: int = database.execute("SELECT COUNT(*) FROM nudges").fetchone()[0]
        return count


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_kill_between_202_and_reading_loses_nothing(tmp_path: Path) -> None:
    async with running_sandbox(SandboxOptions(tickets=20)) as sandbox:
        port = killing._free_port()
        async with killing._server(tmp_path, port) as process:
            await killing._call(port, killing.OPERATOR_KEY, "POST", "/tenants", {"company_id": "acme", "name": "Acme"})
            key = (await killing._call(port, killing.OPERATOR_KEY, "POST", "/tenants/acme/keys", {"name": "admin"}))["api_key"]
            wanted = killing._freshdesk(sandbox) | {"base_url": sandbox.base_url}
            connection = (await killing._call(port, key, "POST", "/connections", wanted))["connection_id"]
            made = await killing._call(port, key, "POST", f"/connections/{connection}/webhook", {})
            ticket = change.create(sandbox.site, {"subject": "끊긴뒤에도 남는 문의", "description": "<p>정전이 있었습니다.</p>"})
            # However slow this machine is, nothing was read when the server is killed.
            sandbox.site.faults.add(Fault(match="/tickets/", kind="500", times=1_000))
            async with httpx.AsyncClient() as client:
                headers = {made["guide"]["header"]: made["secret"]}
                answer = await client.post(made["url"], json={"ticket_id": ticket.id}, headers=headers)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert answer.status_code == 202
        assert _noted(tmp_path) == 1
        sandbox.site.faults.clear()
        async with killing._server(tmp_path, port), asyncio.timeout(60):
            while not (await killing._call(port, key, "POST", "/search", {"query": "끊긴뒤에도 남는 문의"}))["hits"]:
                await asyncio.sleep(0.1)
            assert not (await killing._call(port, key, "GET", "/runs"))["items"]
