"""A real PostgreSQL for tests: one throw-away cluster for all processes of a run, one database for each of them.

Where it comes from: DESKLORE_TEST_POSTGRES_URL (a superuser's), else installed binaries; where there
are none, the tests that need it are skipped and say how to get it. The cluster listens on a socket in its own folder only.
Every process that uses it holds a shared lock; a small process of its own waits for the last one to let go, by ending well or
by being killed, then stops the cluster and removes its folder.
"""

import asyncio
import fcntl
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from backend.storage.sql.engine import upgrade

OWNER, APPLICATION = "desklore_test_owner", "desklore_test_app"
PASSWORD = "only-for-tests"
MISSING = (
    "PostgreSQL is not installed, so its tests are skipped. Debian, Ubuntu: apt-get install postgresql; "
    "or name a server and its superuser: DESKLORE_TEST_POSTGRES_URL=postgresql://postgres@localhost/postgres"
)
_FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=64MB")
"""What was committed outlives a server that is killed, which tests do, and not a power cut."""
_ALWAYS = ("listen_addresses=", "max_connections=200", "lc_messages=C", "log_min_messages=fatal")


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of its own: as the application's role, as the owner of its tables, and as a superuser."""

    url: str
    owner_url: str
    admin_url: str

    async def empty(self) -> None:
        """Take away every row."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            tables = await connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            )
            # A deletion of few rows is faster than TRUNCATE, which makes new files.
            orders = [f'DELETE FROM "{name}"' for (name,) in sorted(tables, key=lambda table: table[0] == "tenants")]
            await connection.execute("; ".join(orders))
        finally:
            await connection.close()


class Cluster:
    """A throw-away cluster over a socket in a folder of its own; fast, since nothing in it has to outlive a power cut."""

    def __init__(self, binaries: Path, folder: Path, options: Sequence[str] = _FAST) -> None:
        self._binaries = binaries
        self._options = options
        self.folder = folder

    @classmethod
    def make(cls, binaries: Path, options: Sequence[str] = _FAST) -> "Cluster":
        """A new one, not yet running; with `options` as a server of its own would have them."""
        folder = Path(tempfile.mkdtemp(prefix="desklore-pg-"))
        user = _server_user()
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        made = cls(binaries, folder, options)
        made._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        return made

    @property
    def admin_url(self) -> str:
        """Address as a superuser."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start and wait until it takes connections."""
        options = " ".join(f"-c {setting}" for setting in (*self._options, *_ALWAYS, f"unix_socket_directories={self.folder}"))
        self._run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as if it had been killed; nothing where it does not run."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Remove its files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        user = _server_user()
        who: dict[str, Any] = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        command = [str(self._binaries / program), "-D", str(self.folder / "data"), *arguments]
        # Not captured: the server would inherit the pipe and keep it open.
        with (self.folder / "out").open("ab") as out:
            done = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, timeout=60, **who
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {(self.folder / 'out').read_text()}")


@contextmanager
def running_cluster(options: Sequence[str] = _FAST) -> Iterator[Cluster]:
    """A cluster for a bench or a trial, gone at its end. Ends the program with what to do where PostgreSQL is not installed."""
    binaries = installed_binaries()
    if binaries is None:
        sys.exit(MISSING)
    cluster = Cluster.make(binaries, options)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        cluster.remove()


def installed_binaries() -> Path | None:
    """The folder of the newest `initdb` there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _server_user() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses to be run by root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no user to run PostgreSQL as: it refuses root")


class SharedPostgres:
    """The server of a test run, and this process's own database on it."""

    def __init__(self, folder: Path) -> None:
        self._users = os.open(folder / "postgres.users", os.O_RDWR | os.O_CREAT)
        with _locked(folder / "postgres.starting"):
            # Held until this process ends: see the reaper.
            fcntl.flock(self._users, fcntl.LOCK_SH)
            told = folder / "postgres.json"
            if not told.exists():
                told.write_text(json.dumps(self._start(folder, told)))
            known = json.loads(told.read_text())
            self.admin_url: str = known["admin_url"]
            self._template: str = known["template"]
            self.database = asyncio.run(self._copy())

    def _start(self, folder: Path, told: Path) -> dict[str, str]:
        given = os.environ.get("DESKLORE_TEST_POSTGRES_URL")
        template = f"desklore_template_{secrets.token_hex(4)}"
        if given:
            admin_url = given.replace("postgresql+asyncpg://", "postgresql://")
            _leave_reaper(folder / "postgres.users", told, "drop", admin_url, template)
        else:
            binaries = installed_binaries()
            if binaries is None:
                pytest.skip(MISSING)
            cluster = Cluster.make(binaries)
            cluster.start()
            admin_url = cluster.admin_url
            _leave_reaper(folder / "postgres.users", told, "remove", str(binaries), str(cluster.folder))
        asyncio.run(make_database(admin_url, template))
        made = database_at(admin_url, template)
        upgrade(made.url, made.owner_url)
        return {"admin_url": admin_url, "template": template}

    async def _copy(self) -> PostgresDatabase:
        name = f"desklore_test_{secrets.token_hex(4)}"
        await make_database(self.admin_url, name, template=self._template)
        return database_at(self.admin_url, name)

    async def drop(self) -> None:
        """Remove this process's database; on a server that somebody gave us it would stay else."""
        await drop_database(self.admin_url, urlsplit(self.database.url).path.removeprefix("/"))
        os.close(self._users)


async def make_database(admin_url: str, name: str, *, template: str = "template0") -> None:
    """A database that the owner's role owns; the roles are made where there are none."""
    connection = await asyncpg.connect(admin_url)
    try:
        for role in (OWNER, APPLICATION):
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        await connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
    finally:
        await connection.close()


async def drop_database(admin_url: str, name: str) -> None:
    """Remove a database, whoever is connected."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close()


def database_at(admin_url: str, name: str) -> PostgresDatabase:
    """The addresses of a database on a server."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]

    def address(user: str) -> str:
        # urlunsplit would drop the slashes of an address without a host.
        return urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD}@{place}", path=f"/{name}"))

    return PostgresDatabase(address(APPLICATION), address(OWNER), urlunsplit(parts._replace(path=f"/{name}")))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _leave_reaper(users: Path, told: Path, *what: str) -> None:
    """Start the process that clears up after the last user, as nobody's child, so that no run has to wait for it. (-3: DEVNULL.)"""
    command = [sys.executable, "-m", "tests.support.postgres", str(users), str(told), *what]
    code = "import subprocess as s, sys; s.Popen(sys.argv[1:], stdin=-3, stdout=-3, stderr=-3, start_new_session=True)"
    subprocess.run([sys.executable, "-c", code, *command], check=True, cwd=Path(__file__).parents[2], timeout=60)


def _reap(users: str, told: str, what: str, *of: str) -> None:
    """Once nobody uses it any more: `drop` a template on a server that was given, `remove` a cluster of our own."""
    with Path(users).open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Path(told).unlink(missing_ok=True)
        if what == "drop":
            asyncio.run(drop_database(*of))
            return
        binaries, folder = map(Path, of)
        cluster = Cluster(binaries, folder)
        try:
            cluster.stop()
        finally:
            cluster.remove()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPostgres]:
    """This process's database, with all tables; skips where PostgreSQL can't be had."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    # In a thread, since a test that asks for it may have a running event loop already.
    with ThreadPoolExecutor(1) as thread:
        server = thread.submit(SharedPostgres, folder).result()
    yield server
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, server.drop()).result()


@pytest.fixture
async def postgres(postgres_server: SharedPostgres) -> PostgresDatabase:
    """A database with all tables and no rows."""
    await postgres_server.database.empty()
    return postgres_server.database


if __name__ == "__main__":
    _reap(*sys.argv[1:])
