"""The master key changes while requests run; nothing fails, and the old key is useless afterwards (Shows 4)."""

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from backend.core import ids
from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret
from backend.core.model.tenant import Tenant as Company
from backend.core.ports.cipher import Cipher
from backend.storage.aws import AwsClient
from backend.storage.secrets.local import LocalCipher
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.test_postgres import on
from tests.e2e.trip import Json, Tenant, Trip, running_trip
from tests.servers.aws import REGION

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an operator keeps master keys."""

    settings: dict[str, Any]
    put: Callable[[list[str]], object]

    def write(self, *keys: tuple[str, bytes]) -> None:
        """Take the place of what was there at once."""
        self.put([f"{name}:{base64.b64encode(key).decode()}" for name, key in keys])


def _in_file(path: Path) -> Place:
    def put(lines: list[str]) -> None:
        half = path.with_suffix(".half")
        half.write_text("\n".join(lines), encoding="utf-8")
        half.replace(path)

    return Place({"master_key_source": "file", "master_key_file": path}, put)


def _in_secrets_manager(aws: AwsClient, url: str) -> Place:
    name = f"desklore/{ids.new_id('keys')}"
    aws.client.create_secret(Name=name)
    settings = {"master_key_source": "secrets_manager", "master_key_secret": name, "aws_region": REGION, "aws_endpoint_url": url}
    return Place(settings, lambda lines: aws.client.put_secret_value(SecretId=name, SecretString=json.dumps(lines)))


@pytest.fixture(params=["file", "secrets_manager"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made = _in_file(tmp_path / "master.keys")
    if request.param == "secrets_manager":
        made = _in_secrets_manager(request.getfixturevalue("secrets_client"), request.getfixturevalue("aws_url"))
    made.write(OLD)
    return made


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with running_sandbox(SandboxOptions(tickets=10)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of either database."""
    return on(request.getfixturevalue("postgres")) if request.param == "postgresql" else {}


@pytest.fixture
async def keyed(records: dict[str, Any], tmp_path: Path, place: Place) -> AsyncIterator[Trip]:
    """A Desklore whose master keys lie there."""
    async with running_trip(tmp_path / "data", **place.settings, **records) as made:
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


async def test_rotation_while_requests_run(keyed: Trip, place: Place, sandbox: SandboxServer) -> None:
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
        place.write(NEW, OLD)
        assert await _left(keyed) == 5
        answers = await _rotate(keyed)
        while await _left(keyed):
            answers += await _rotate(keyed)
        place.write(NEW)
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


async def test_after_a_restart_with_the_new_key_alone_everything_opens(tmp_path: Path, place: Place, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data", **place.settings) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        place.write(NEW, OLD)
        assert (await _rotate(trip))[-1] == {"tenants": 1, "left": 0, "rewrapped": 1, "failed": [], "after": None}
        assert (await _rotate(trip))[-1]["rewrapped"] == 0, "what is done is not done again"
    place.write(NEW)
    async with running_trip(tmp_path / "data", **place.settings) as trip:
        again = trip.tenant("acme", tenant.api_key)
        again.connection_id = tenant.connection_id
        await _open_all(trip, [again])


async def test_one_whose_key_was_lost_stops_no_other_and_is_named(keyed: Trip, place: Place) -> None:
    for name in ("acme", "bravo", "zeta"):
        await keyed.onboard(name)
    lost = LocalCipher([("2019", b"l" * 32)]).new_data_key("bravo")
    async with keyed.runtime.services.database.directory() as directory:
        bravo = await directory.get_tenant("bravo")
        assert bravo is not None
        await directory.put_tenant(msgspec.structs.replace(bravo, sealed_data_key=lost))
    place.write(NEW, OLD)
    answers = await _rotate(keyed, limit=1)
    assert [each["rewrapped"] for each in answers] == [1, 0, 1]
    assert [fail["company_id"] for each in answers for fail in each["failed"]] == ["bravo"]
    assert "2019" in answers[1]["failed"][0]["message"]
    assert answers[-1]["left"] == 1


async def test_an_interrupted_rotation_goes_on_where_it_was(keyed: Trip, place: Place) -> None:
    for name in ("acme", "bravo", "zeta"):
        await keyed.onboard(name)
    place.write(NEW, OLD)
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


async def test_two_processes_pick_the_new_key_up_by_themselves(tmp_path: Path, place: Place, sandbox: SandboxServer) -> None:
    async with (
        running_trip(tmp_path / "data", **place.settings) as here,
        running_trip(tmp_path / "data", jobs=False, **place.settings) as there,
    ):
        acme = await here.onboard("acme")
        await acme.connect(sandbox)
        # What was opened is remembered for minutes, by its wrapping: the new one has to be opened anew.
        other = there.tenant("acme", acme.api_key)
        other.connection_id = acme.connection_id
        await _open_all(there, [other])
        place.write(NEW, OLD)
        assert (await _rotate(here))[-1]["rewrapped"] == 1
        await _open_all(there, [other])
        place.write(NEW)
        bravo = await there.onboard("bravo")
        assert (await here.onboard("zeta")).company_id != bravo.company_id
        assert await _left(here) == await _left(there) == 0
