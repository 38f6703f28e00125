"""The master key changes while requests run; nothing fails, and the old key is useless afterwards (Shows 4)."""

import asyncio
import base64
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret
from backend.core.model.tenant import Tenant as Company
from backend.core.ports.cipher import Cipher
from backend.storage.secrets.local import LocalCipher
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.test_postgres import on
from tests.e2e.trip import Json, Tenant, Trip, running_trip

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)


def _write(path: Path, *keys: tuple[str, bytes]) -> None:
    """Take the file's place at once, as an operator's tool does."""
    half = path.with_suffix(".half")
    half.write_text("\n".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys), encoding="utf-8")
    half.replace(path)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    _write(tmp_path / "master.keys", OLD)
    return tmp_path / "master.keys"


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with running_sandbox(SandboxOptions(tickets=10)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of either database."""
    return on(request.getfixturevalue("postgres")) if request.param == "postgresql" else {}


@pytest.fixture
async def keyed(records: dict[str, Any], tmp_path: Path, key_file: Path) -> AsyncIterator[Trip]:
    """A Desklore whose master keys lie in a file."""
    async with running_trip(tmp_path / "data", master_key_source="file", master_key_file=key_file, **records) as made:
        yield made


async def _rotate(trip: Trip, *, limit: int = 2) -> list[Json]:
    """As `desklore keys rotate` does it; the answers."""
    headers = {"Authorization": f"Bearer {trip.runtime.built.auth.operator_key.reveal()}"}
    answers: list[Json] = []
    while not answers or answers[-1]["after"] is not None:
        body = {"limit": limit, "after": answers[-1]["after"] if answers else None}
        response = await trip.anonymous.post("/api/v1/master-key/rotate", json=body, headers=headers)
        assert response.status_code == 200, response.text
        answers.append(response.json())
    return answers


async def _left(trip: Trip) -> int:
    headers = {"Authorization": f"Bearer {trip.runtime.built.auth.operator_key.reveal()}"}
    return int((await trip.anonymous.get("/api/v1/master-key", headers=headers)).json()["left"])


async def _companies(trip: Trip) -> list[Company]:
    async with trip.runtime.services.database.directory() as directory:
        return await directory.list_tenants()


async def _open_all(trip: Trip, tenants: list[Tenant]) -> None:
    """Ask every helpdesk something, which needs the credentials."""
    for tenant in tenants:
        assert await tenant.post("/ingest/estimate", {"connection_id": tenant.connection_id})


async def test_rotation_while_requests_run(keyed: Trip, key_file: Path, sandbox: SandboxServer) -> None:
    tenants = [await keyed.onboard(name) for name in ("acme", "bravo", "daehan", "hanbit", "zeta")]
    for tenant in tenants:
        await tenant.connect(sandbox)
    done = asyncio.Event()
    served = 0

    async def ask_on(tenant: Tenant) -> None:
        """Use the credentials and change the tenant's row, over and over; every answer has to be a good one."""
        nonlocal served
        while not done.is_set():
            estimate = await tenant.post("/ingest/estimate", {"connection_id": tenant.connection_id})
            changed = await tenant.client.patch("/api/v1/settings", json={"masking": served % 2 == 0})
            assert estimate
            assert changed.status_code == 200, changed.text
            served += 1

    async with asyncio.TaskGroup() as group:
        for tenant in tenants[:2]:
            group.create_task(ask_on(tenant))
        while served < 2:
            await asyncio.sleep(0)
        _write(key_file, NEW, OLD)
        assert await _left(keyed) == 5
        answers = await _rotate(keyed)
        while await _left(keyed):
            answers += await _rotate(keyed)
        _write(key_file, NEW)
        late = await keyed.onboard("late")
        await late.connect(sandbox)
        before = served
        while served < before + 2:
            await asyncio.sleep(0)
        done.set()
    assert sum(each["rewrapped"] for each in answers) == 5
    assert [each["failed"] for each in answers] == [[]] * len(answers)
    await _open_all(keyed, [*tenants, late])
    old = LocalCipher([OLD])
    for company in await _companies(keyed):
        with pytest.raises(AppError, match="2026") as useless:
            old.rewrap(company.company_id, company.sealed_data_key)
        assert useless.value.code is Code.SECRET_UNREADABLE


async def test_after_a_restart_with_the_new_key_alone_everything_opens(tmp_path: Path, key_file: Path, sandbox: SandboxServer) -> None:
    settings = {"master_key_source": "file", "master_key_file": key_file}
    async with running_trip(tmp_path / "data", **settings) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        _write(key_file, NEW, OLD)
        assert (await _rotate(trip))[-1] == {"tenants": 1, "left": 0, "rewrapped": 1, "failed": [], "after": None}
        assert (await _rotate(trip))[-1]["rewrapped"] == 0, "what is done is not done again"
    _write(key_file, NEW)
    async with running_trip(tmp_path / "data", **settings) as trip:
        again = trip.tenant("acme", tenant.api_key)
        again.connection_id = tenant.connection_id
        await _open_all(trip, [again])


async def test_one_whose_key_was_lost_stops_no_other_and_is_named(keyed: Trip, key_file: Path) -> None:
    for name in ("acme", "bravo", "zeta"):
        await keyed.onboard(name)
    lost = LocalCipher([("2019", b"l" * 32)]).new_data_key("bravo")
    async with keyed.runtime.services.database.directory() as directory:
        bravo = await directory.get_tenant("bravo")
        assert bravo is not None
        await directory.put_tenant(msgspec.structs.replace(bravo, sealed_data_key=lost))
    _write(key_file, NEW, OLD)
    answers = await _rotate(keyed, limit=1)
    assert [each["rewrapped"] for each in answers] == [1, 0, 1]
    assert [fail["company_id"] for each in answers for fail in each["failed"]] == ["bravo"]
    assert "2019" in answers[1]["failed"][0]["message"]
    assert answers[-1]["left"] == 1


async def test_an_interrupted_rotation_goes_on_where_it_was(keyed: Trip, key_file: Path) -> None:
    for name in ("acme", "bravo", "zeta"):
        await keyed.onboard(name)
    _write(key_file, NEW, OLD)
    services = keyed.runtime.services
    wraps = 0

    class Interrupted:
        """The cipher, cut off from its key service after the first data key."""

        def __getattr__(self, name: str) -> object:
            return getattr(services.cipher, name)

        def rewrap(self, *arguments: Any) -> SealedSecret:
            nonlocal wraps
            wraps += 1
            if wraps == 2:
                raise AppError(Code.STORAGE_UNAVAILABLE, "The key service can't be reached.", retry_after=5)
            return services.cipher.rewrap(*arguments)

    keyed.runtime.app.state.services = dataclasses.replace(services, cipher=cast("Cipher", Interrupted()))
    headers = {"Authorization": f"Bearer {keyed.runtime.built.auth.operator_key.reveal()}"}
    cut = await keyed.anonymous.post("/api/v1/master-key/rotate", json={}, headers=headers)
    assert (cut.status_code, cut.headers["retry-after"]) == (503, "5")
    assert await _left(keyed) == 2
    assert sum(each["rewrapped"] for each in await _rotate(keyed)) == 2
    assert await _left(keyed) == 0
