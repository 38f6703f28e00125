"""A real Redis for tests: DESKLORE_TEST_REDIS_URL, or a `redis-server` of this machine, one for all processes of a test run.

Every process of the run has a database of its own on it, emptied before each test that asks for it.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import pytest
import redis

TEST_URL: Final = "DESKLORE_TEST_REDIS_URL"
MISSING: Final = (
    "these tests need Redis: run tools/setup_system.sh as root, install redis-server, or set "
    f"{TEST_URL} to a server whose databases may be emptied"
)
_DATABASES: Final = 64


class RedisServer:
    """A `redis-server` at a socket in a folder of its own, which keeps nothing on disk."""

    def __init__(self) -> None:
        # A path of a socket may have a hundred characters; those of pytest's folders have more.
        self.folder = Path(tempfile.mkdtemp(prefix="dl-redis-"))
        self.pid = 0

    def url(self, database: int = 0) -> str:
        """The address of one of its databases."""
        return f"unix://{self.folder / 'redis.sock'}?db={database}"

    def start(self) -> None:
        """Start it (anew, and then empty), and wait until it answers."""
        arguments = {"port": "0", "unixsocket": str(self.folder / "redis.sock"), "save": "", "appendonly": "no", "daemonize": "yes"}
        arguments |= {"dir": str(self.folder), "pidfile": str(self.folder / "redis.pid"), "databases": str(_DATABASES)}
        command = ["redis-server", *(word for name, value in arguments.items() for word in (f"--{name}", value))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with contextlib.closing(redis.Redis.from_url(self.url())) as client:
            self.pid = int(_answered(client)["process_id"])

    def kill(self) -> None:
        """End it at once, as a crash does; what it held is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            while _lives(self.pid):
                time.sleep(0.01)

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about yet does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def _answered(client: "redis.Redis") -> dict[str, str]:
    """What a server tells of itself, once it is up."""
    for _ in range(500):
        with contextlib.suppress(redis.ConnectionError):
            return cast("dict[str, str]", client.info("server"))
        time.sleep(0.02)
    raise RuntimeError("redis-server did not start")


@contextlib.contextmanager
def own_server() -> Iterator[RedisServer]:
    """A server that a test may kill or empty; skips the test where there is no `redis-server`."""
    if shutil.which("redis-server") is None:
        pytest.skip(MISSING)
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def _shared(folder: Path) -> Iterator[RedisServer]:
    """The server of the whole run: whoever comes first starts it, whoever goes last ends it."""
    state, users = folder / "redis-server", folder / "redis-users"
    with (folder / "redis-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = RedisServer.__new__(RedisServer)
        if state.exists():
            place, pid = state.read_text().splitlines()
            server.folder, server.pid = Path(place), int(pid)
        else:
            server = RedisServer()
            server.start()
            state.write_text(f"{server.folder}\n{server.pid}")
        with users.open("a") as file:
            file.write("+")
        fcntl.flock(lock, fcntl.LOCK_UN)
        try:
            yield server
        finally:
            fcntl.flock(lock, fcntl.LOCK_EX)
            left = users.read_text()[1:]
            users.write_text(left)
            if not left:
                state.unlink()
                server.close()


@pytest.fixture(scope="session")
def redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of this process's own database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = int(worker.removeprefix("gw") or 0)
    if given := os.environ.get(TEST_URL):
        # A server of somebody's has sixteen databases, mostly; `db` of the query goes before one in the path.
        yield f"{given.split('?')[0]}?db={number % 16}"
        return
    if shutil.which("redis-server") is None:
        pytest.skip(MISSING)
    folder = tmp_path_factory.getbasetemp()
    with _shared(folder.parent if worker else folder) as server:
        yield server.url(number % _DATABASES)


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """The same, empty."""
    with contextlib.closing(redis.Redis.from_url(redis_server_url)) as client:
        client.flushdb()
    return redis_server_url
