"""An API in the test's process, and `desklore worker` as processes of their own that may be killed."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from backend.core.ingest.pipeline.pictures import read_waiting
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.document import DocState
from backend.runtime import build
from backend.settings import Settings
from tests.e2e.trip import Trip, running_trip

ROOT = Path(__file__).resolve().parents[2]
OPERATOR_KEY = "operator-key-of-the-workers"
LEASE_SECONDS = 1.0


@contextlib.asynccontextmanager
async def api(data_dir: Path, redis_url: str, **settings: Any) -> AsyncIterator[Trip]:
    """Desklore's API, which leaves jobs to workers."""
    shared = {"queue_type": "redis", "redis_url": redis_url, "run_jobs": False, "operator_key": OPERATOR_KEY}
    async with running_trip(data_dir, **{**shared, **settings}) as trip:
        yield trip


class WorkerProcess:
    """A `desklore worker`, or with a `command` another server."""

    def __init__(self, data_dir: Path, redis_url: str, *command: str, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
        environment |= {
            "DESKLORE_DATA_DIR": str(data_dir),
            "DESKLORE_OPERATOR_KEY": OPERATOR_KEY,
            "DESKLORE_CONNECTOR_HOST_ALLOWLIST": "127.0.0.1",
            "DESKLORE_QUEUE_TYPE": "redis",
            "DESKLORE_REDIS_URL": redis_url,
            "DESKLORE_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "DESKLORE_LOG_LEVEL": "WARNING",
        }
        environment |= {f"DESKLORE_{name.upper()}": value for name, value in settings.items()}
        words = [sys.executable, "-m", "backend.cli", *(command or ("worker",)), "--json"]
        self.process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    async def ready(self) -> dict[str, Any]:
        """Wait until it works; what it tells of itself."""
        assert self.process.stdout is not None
        line = await asyncio.to_thread(self.process.stdout.readline)
        assert line, f"the worker ended by itself with {self.process.wait()}"
        told: dict[str, Any] = json.loads(line)
        return told

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End it, and wait until it is gone; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextlib.asynccontextmanager
async def worker(data_dir: Path, redis_url: str) -> AsyncIterator[WorkerProcess]:
    """A worker that is ready, killed at the end if it still runs."""
    made = WorkerProcess(data_dir, redis_url)
    try:
        await made.ready()
        yield made
    finally:
        if made.process.poll() is None:
            made.end()


async def progress(data_dir: Path, stored: int, indexed: int) -> tuple[int, int]:
    """Wait until at least so many Documents are stored and indexed, and tell how many they are."""
    with contextlib.closing(sqlite3.connect(data_dir / "desklore.db")) as connection:
        async with asyncio.timeout(60):
            while True:
                have = connection.execute("SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 'indexed') FROM documents").fetchone()
                if have[0] >= stored and have[1] >= indexed:
                    return have[0], have[1]
                await asyncio.sleep(0.005)


async def contents(data_dir: Path, company_id: str = "acme") -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
    """Documents by id, without what is told by the clock or by chance, and every chunk of the index."""
    runtime = await build(Settings(_env_file=None, data_dir=data_dir, operator_key=OPERATOR_KEY))
    try:
        # Words in pictures are recognized last; what the workers had no time for is done here.
        await read_waiting(runtime.services, company_id)
        await process_pending(runtime.services, company_id)
        async with runtime.services.database.open(company_id) as uow:
            documents, _ = await uow.documents.list(limit=10_000)
            states = await uow.documents.counts()
        index = await runtime.services.indexes.open(company_id)
        chunks = [(c.document_id, c.ordinal, c.text) for d in documents for c in await index.chunks(d.document_id)]
        assert (await index.count())[0] == len(chunks), "nothing twice"
        assert {state for state, count in states.items() if count} <= {DocState.INDEXED, DocState.SKIPPED}
        return {d.document_id: (d.content_hash, d.parts, d.summary, d.internal_summary, d.state) for d in documents}, sorted(chunks)
    finally:
        await runtime.close()
