"""A worker answers probes and Prometheus at a port of its own, and nothing else."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


async def test_a_worker_tells_how_it_is_and_what_it_did(tmp_path: Path, redis_url: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "DESKLORE_QUEUE_TYPE": "redis",
        "DESKLORE_REDIS_URL": redis_url,
        "DESKLORE_WORKER_PORT": "0",
    }
    command = [sys.executable, "-m", "backend.cli", "worker", "--json"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = await asyncio.to_thread(process.stdout.readline)
            assert line, process.stderr.read()
            async with httpx.AsyncClient(base_url=json.loads(line)["probes"], trust_env=False) as client:
                assert (await client.get("/health/live")).json()["status"] == "ok"
                ready = await client.get("/health/ready")
                assert {"database", "index", "queue"} <= {each["name"] for each in ready.json()["dependencies"]}
                assert "desklore_jobs_waiting 0.0" in (await client.get("/metrics")).text
                assert (await client.get("/api/v1/documents")).status_code == 404
            process.terminate()
            assert await asyncio.to_thread(process.wait, 60) == 0
        finally:
            process.kill()
