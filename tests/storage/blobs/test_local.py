"""Files on a disk that is full, and what a killed process leaves."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.storage.blobs.local import LocalBlobStores


async def test_files_lie_where_people_look_for_them(tmp_path: Path) -> None:
    await LocalBlobStores(tmp_path).open("acme").put("raw/freshdesk/2026-03-01.jsonl", b"{}")
    assert (tmp_path / "acme" / "raw" / "freshdesk" / "2026-03-01.jsonl").read_bytes() == b"{}"
    assert list((tmp_path / ".half-written").iterdir()) == []


_FILL_UP = """
import asyncio, pathlib, resource, signal, sys
from backend.core.errors import AppError
from backend.storage.blobs.local import LocalBlobStores
async def main():
    store = LocalBlobStores(pathlib.Path(sys.argv[1])).open("acme")
    await store.put("kept", b"old")
    big = pathlib.Path(sys.argv[1]) / "big"
    big.write_bytes(bytes(300_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    async def pieces():
        for _ in range(2):
            yield bytes(101_000)
    attempts = store.put("kept", bytes(200_000)), store.put("raw/new", bytes(200_000)), store.put_file("kept", big)
    for attempt in (*attempts, store.put_pieces("kept", pieces())):
        try:
            await attempt
        except AppError as error:
            print(error.code.value)
    print(await store.get("kept"), await store.list(""))
asyncio.run(main())
"""


def test_a_full_disk_is_told_and_leaves_no_partial_file(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FILL_UP, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n") == ["storage_full"] * 4 + ["b'old' ['kept']", ""]
    assert list((tmp_path / ".half-written").iterdir()) == []


async def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path: Path) -> None:
    half_written = tmp_path / ".half-written"
    half_written.mkdir()
    for name in ("old", "new"):
        (half_written / name).write_bytes(b"half")
    os.utime(half_written / "old", (0, 0))
    store = LocalBlobStores(tmp_path).open("acme")
    assert [path.name for path in half_written.iterdir()] == ["new"]
    assert await store.list("") == []

    os.utime(half_written / "new", (0, 0))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"whole"

    await store.put_pieces("exports/one.zip", pieces())
    assert list(half_written.iterdir()) == [], "and without a restart, whenever a file comes piece by piece"
    assert await store.list("") == ["exports/one.zip"]


async def test_a_file_can_not_be_a_folder(tmp_path: Path) -> None:
    store = LocalBlobStores(tmp_path).open("acme")
    await store.put("a", b"x")
    await store.put("b/c", b"x")
    for key in ("a/b", "b"):
        with pytest.raises(AppError) as refused:
            await store.put(key, b"y")
        assert refused.value.code is Code.INVALID_REQUEST
    assert await store.list("") == ["a", "b/c"]


async def test_empty_folders_go_with_their_last_file(tmp_path: Path) -> None:
    store = LocalBlobStores(tmp_path).open("acme")
    await store.put("a/b/c/1", b"x")
    await store.put("a/2", b"x")
    await store.delete("a/b/c/1")
    assert [path.name for path in (tmp_path / "acme" / "a").iterdir()] == ["2"]
    await store.delete("")
    assert not (tmp_path / "acme").exists()


async def test_a_file_that_opens_after_its_reader_was_canceled_is_closed(tmp_path: Path) -> None:
    store = LocalBlobStores(tmp_path).open("acme")
    await store.put("slow/beside", b"")
    # Opening one end of a pipe lasts until somebody opens the other one.
    pipe = tmp_path / "acme" / "slow" / "file"
    os.mkfifo(pipe)

    async def read() -> None:
        async for _ in store.read("slow/file"):
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    other = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    left_open = 1000
    try:
        while left_open:
            # It breaks as soon as nobody holds the end that is read.
            os.write(other, b"x")
            await asyncio.sleep(0.01)
            left_open -= 1
    except BrokenPipeError:
        pass
    os.close(other)
    assert left_open
