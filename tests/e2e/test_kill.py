"""A server that is killed in the middle of a sync, again and again, ends where an undisturbed one ends."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.core.ingest.pipeline.pictures import read_waiting
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.document import DocState
from backend.runtime import build
from backend.settings import Settings
from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_sandbox, running_zendesk

KILL_AT = {"freshdesk": ((0, 0), (1, 0), (1, 1), (100, 65), (150, 129)), "zendesk": ((1, 0), (100, 65))}
"""How many Documents are stored, and how many of them indexed, when the server is killed; batches are of 64."""
OPERATOR_KEY = "operator-key-of-the-kill-test"
ROOT = Path(__file__).resolve().parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def _server(data_dir: Path, port: int, **settings: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """`desklore up` as a process of its own with these settings, ready; killed at the end if it still runs."""
    environment = os.environ | {
        "DESKLORE_DATA_DIR": str(data_dir),
        "DESKLORE_OPERATOR_KEY": OPERATOR_KEY,
        "DESKLORE_CONNECTOR_HOST_ALLOWLIST": "127.0.0.1",
        "DESKLORE_LOG_LEVEL": "WARNING",
    }
    environment |= {f"DESKLORE_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "up", "--port", str(port)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient() as client, asyncio.timeout(60):
            while process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{port}/health/live")).is_success:
                        break
                await asyncio.sleep(0.05)
        assert process.poll() is None, "the server ended by itself"
        yield process
    finally:
        process.kill()
        process.wait()


async def _call(port: int, key: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        response = await client.request(method, f"http://127.0.0.1:{port}/api/v1{path}", json=body)
        assert response.is_success, response.text
        answer: dict[str, Any] = response.json()
        return answer


async def _begin(port: int, wanted: dict[str, Any]) -> tuple[str, str]:
    """A tenant with a connection whose sync has begun: its key and the run."""
    await _call(port, OPERATOR_KEY, "POST", "/tenants", {"company_id": "acme", "name": "Acme"})
    key = (await _call(port, OPERATOR_KEY, "POST", "/tenants/acme/keys", {"name": "admin"}))["api_key"]
    connection = await _call(port, key, "POST", "/connections", wanted)
    run = await _call(port, key, "POST", "/ingest", {"connection_id": connection["connection_id"]})
    return key, run["run_id"]


async def _finish(port: int, key: str, run_id: str, seconds: float = 100) -> None:
    async with asyncio.timeout(seconds):
        while (run := await _call(port, key, "GET", f"/runs/{run_id}"))["state"] != "completed":
            assert run["state"] in ("queued", "running", "waiting"), run
            await asyncio.sleep(0.1)
        while (await _call(port, key, "GET", "/documents?state=pending&state=processing"))["items"]:
            await asyncio.sleep(0.1)


async def _progress(data_dir: Path, stored: int, indexed: int) -> tuple[int, int]:
    """Wait until at least so many Documents are stored and indexed, and tell how many they are."""
    with contextlib.closing(sqlite3.connect(data_dir / "desklore.db")) as connection:
        async with asyncio.timeout(60):
            while True:
                have = connection.execute("SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 'indexed') FROM documents").fetchone()
                if have[0] >= stored and have[1] >= indexed:
                    return have[0], have[1]
                await asyncio.sleep(0.005)


async def _contents(data_dir: Path, **settings: Any) -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
    """Documents by id, without what is told by the clock or by chance, and every chunk of the index."""
    runtime = await build(Settings(_env_file=None, data_dir=data_dir, operator_key=OPERATOR_KEY, **settings))
    try:
        # Words in pictures are recognized last; what the server had no time for is done here.
        await read_waiting(runtime.services, "acme")
        await process_pending(runtime.services, "acme")
        async with runtime.services.database.open("acme") as uow:
            documents, _ = await uow.documents.list(limit=10_000)
            states = await uow.documents.counts()
        index = await runtime.services.indexes.open("acme")
        chunks = [(c.document_id, c.ordinal, c.text) for d in documents for c in await index.chunks(d.document_id)]
        points, _ = await index.count()
        assert points == len(chunks)
        assert {state for state, count in states.items() if count} <= {DocState.INDEXED, DocState.SKIPPED}
        return {d.document_id: (d.content_hash, d.parts, d.summary, d.internal_summary, d.state) for d in documents}, sorted(chunks)
    finally:
        await runtime.close()


def _freshdesk(sandbox: SandboxServer) -> dict[str, Any]:
    return {"platform": "freshdesk", "domain": "hanbit.freshdesk.com", "credentials": {"api_key": sandbox.api_key}}


def _zendesk(sandbox: ZendeskServer) -> dict[str, Any]:
    return {"platform": "zendesk", "domain": "hanbit.zendesk.com", "credentials": sandbox.credentials}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("platform", list(KILL_AT))
async def test_a_sync_that_is_killed_again_and_again_ends_like_an_undisturbed_one(tmp_path: Path, platform: str) -> None:
    randomness = random.Random(20261120)
    options = SandboxOptions(tickets=120, latency_ms=20, export_quota=1_000)
    async with running_sandbox(options) as freshdesk, running_zendesk(options) as zendesk:
        wanted = _freshdesk(freshdesk) if platform == "freshdesk" else _zendesk(zendesk)
        wanted["base_url"] = (freshdesk if platform == "freshdesk" else zendesk).base_url
        calm, killed = tmp_path / "calm", tmp_path / "killed"
        port = _free_port()
        async with _server(calm, port):
            key, run_id = await _begin(port, wanted)
            await _finish(port, key, run_id)
        key = run_id = ""
        found = []
        for stored, indexed in KILL_AT[platform]:
            async with _server(killed, port) as process:
                if not key:
                    key, run_id = await _begin(port, wanted)
                found.append(await _progress(killed, stored, indexed))
                await asyncio.sleep(randomness.uniform(0, 0.05))
                process.send_signal(signal.SIGKILL)
                process.wait()
        total = len((await _contents(calm))[0])
        assert any(stored and not indexed for stored, indexed in found), found
        assert any(0 < indexed < total for _, indexed in found), found
        async with _server(killed, port):
            await _finish(port, key, run_id)
        (have, have_chunks), (want, want_chunks) = await _contents(killed), await _contents(calm)
        # One by one, since pytest takes minutes to show how two such dictionaries differ.
        assert have.keys() == want.keys()
        assert {key for key in want if have[key] != want[key]} == set()
        assert have_chunks == want_chunks
