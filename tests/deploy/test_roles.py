"""The roles and the database that Compose makes on a new PostgreSQL are those the product asks for."""

import asyncio
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from backend.settings import Settings
from backend.storage.sql.engine import newest_revision, upgrade
from backend.storage.sql.postgres import revision
from backend.storage.sql.prepare import prepare
from tests.support.postgres import SharedPostgres, drop_database
from tools.tree import ROOT

SCRIPT = ROOT / "deploy/compose/postgres/10-roles.sql"
PASSWORDS = {"POSTGRES_OWNER_PASSWORD": "owner-'quoted", "POSTGRES_APP_PASSWORD": "app"}


def _url(admin_url: str, role: str, database: str) -> str:
    parts = urlsplit(admin_url)
    # Over a socket the test's server trusts; the passwords are looked at in the catalog.
    return urlunsplit(parts._replace(netloc=f"{role}:only-for-tests@{parts.netloc.rpartition('@')[2]}", path=f"/{database}"))


@pytest.fixture
async def made(postgres_server: SharedPostgres, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """The suffix of this test's names on the shared server, and the superuser's address."""
    if os.environ.get("DESKLORE_TEST_POSTGRES_URL") or shutil.which("psql") is None:
        pytest.skip("needs psql, and a server of the test's own that trusts its socket")
    suffix, admin_url = secrets.token_hex(4), postgres_server.admin_url
    script = SCRIPT.read_text(encoding="utf-8")
    for name in ("desklore_owner", "desklore_app", "DATABASE desklore"):
        assert name in script
    script = script.replace("desklore_owner", f"owner_{suffix}").replace("desklore_app", f"app_{suffix}")
    file = tmp_path / "roles.sql"
    file.write_text(script.replace("DATABASE desklore", f"DATABASE d_{suffix}"), encoding="utf-8")
    command = ["psql", "--no-psqlrc", "--quiet", "--file", str(file), admin_url]
    done = await asyncio.to_thread(subprocess.run, command, env={**os.environ, **PASSWORDS}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield suffix, admin_url
    await drop_database(admin_url, f"d_{suffix}")
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f"DROP ROLE owner_{suffix}; DROP ROLE app_{suffix}")
    finally:
        await connection.close()


async def test_the_roles_are_below_row_security_and_have_their_passwords(made: tuple[str, str]) -> None:
    suffix, admin_url = made
    connection = await asyncpg.connect(admin_url)
    try:
        rows = await connection.fetch(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolpassword FROM pg_authid WHERE rolname LIKE $1",
            f"%{suffix}",
        )
    finally:
        await connection.close()
    assert {row["rolname"] for row in rows} == {f"owner_{suffix}", f"app_{suffix}"}
    for row in rows:
        assert not any((row["rolsuper"], row["rolbypassrls"], row["rolcreatedb"], row["rolcreaterole"]))
        assert row["rolpassword"].startswith("SCRAM-SHA-256$")


async def test_the_owner_migrates_and_a_production_start_accepts_the_application_s_role(made: tuple[str, str], tmp_path: Path) -> None:
    suffix, admin_url = made
    owner, application = (_url(admin_url, f"{role}_{suffix}", f"d_{suffix}") for role in ("owner", "app"))
    await asyncio.to_thread(upgrade, application, owner)
    assert await revision(application) == newest_revision()
    secret = "f" * 64
    settings = Settings(
        _env_file=None,
        environment="production",
        data_dir=tmp_path,
        storage_type="postgresql",
        database_url=application,
        operator_key=secret,
        master_keys=f"k1:{secret}",
        jwt_secret=secret,
        key_pepper=secret,
    )
    assert await prepare(settings) == application
