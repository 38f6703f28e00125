"""Where there is no room for temporary files, the command says so in one line and leaves nothing behind."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.storage.moving.conftest import Make

LIMIT = 8_600_000
"""A temporary copy is on the disk from 8 MiB on."""


async def test_no_room_for_temporary_files(make: Make, tmp_path: Path) -> None:
    house, archive = await make("file"), tmp_path / "all.tar"
    await house.fill()
    await house.blobs.open("acme").put("raw/1", bytes(9_000_000))

    def back_up() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "backend.cli", "backup", str(archive), "--json"],
            cwd=Path(__file__).resolve().parents[3],
            env={**os.environ, "DESKLORE_DATA_DIR": str(tmp_path / "house-1")},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    done = await asyncio.to_thread(back_up)
    assert done.returncode == 1, done.stderr
    error = json.loads(done.stdout)["error"]
    assert (error["code"], "temporary files" in error["message"]) == ("storage_full", True)
    assert not archive.exists()
    assert not await asyncio.to_thread(lambda: list(tmp_path.glob(".*")))
