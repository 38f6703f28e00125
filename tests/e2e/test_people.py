"""One person's data: told whole, erased from every file of the data folder, and not brought back by the helpdesk."""

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from backend.core.ingest.pipeline import person_erase
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.document import DocType, Document
from backend.core.model.job import JobName
from sandbox.data.model import Person
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.test_postgres import on
from tests.e2e.trip import Json, Tenant, Trip, running_trip
from tests.support.postgres import PostgresDatabase


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """A helpdesk of a few tickets."""
    async with running_sandbox(SandboxOptions(tickets=16)) as server:
        yield server


def busiest(sandbox: SandboxServer) -> Person:
    """The customer with the most tickets."""
    (requester, _), *_ = Counter(each.requester_id for each in sandbox.site.account.tickets.values()).most_common(1)
    return sandbox.site.account.people.contacts[requester]


def tickets_of(sandbox: SandboxServer, person: Person) -> list[int]:
    return sorted(each.id for each in sandbox.site.account.tickets.values() if each.requester_id == person.id)


def stranger(sandbox: SandboxServer, person: Person) -> int:
    """A ticket of somebody else, in which the person is spoken of."""
    other = next(each.id for each in sandbox.site.account.tickets.values() if each.requester_id != person.id and each.state == "live")
    change.add_turn(sandbox.site, other, {"body": f"<p>Please ask <b>{person.email.upper()}</b>, 계정은 {person.email}입니다.</p>"})
    return other


async def erased(tenant: Tenant, **body: object) -> Json:
    """Erase, and wait until it is done."""
    erasure = await tenant.post("/people/erase", dict(body))
    async with asyncio.timeout(60):
        while (erasure := await tenant.get(f"/people/erasures/{erasure['erasure_id']}"))["state"] != "done":
            await asyncio.sleep(0.05)
    return erasure


async def ticket(trip: Trip, company: str, number: int) -> Document:
    async with trip.runtime.services.database.open(company) as uow:
        found = await uow.documents.find("freshdesk", DocType.TICKET, str(number))
    assert found is not None
    return found


def files_with(root: Path, *needles: str) -> list[str]:
    """Files that hold one of these in any case, packed ones unpacked."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".zst":
                data = zstandard.decompress(data)
            if any(each.encode() in data.lower() or each.encode() in data for each in needles):
                found.append(str(path.relative_to(root)))
    return found


async def test_a_person_is_erased_from_every_file_and_stays_erased(
    trip: Trip, acme: Tenant, sandbox: SandboxServer, tmp_path: Path
) -> None:
    person = busiest(sandbox)
    own, other = tickets_of(sandbox, person), stranger(sandbox, person)
    change.add_turn(sandbox.site, own[0], {"body": f"<p>{person.name} 드림, {person.email}</p>", "incoming": True})
    await acme.sync()
    await trip.settle("acme")
    await acme.ask(f"{person.email} 계정으로 로그인이 되지 않습니다")
    assert files_with(tmp_path, person.email), "it is everywhere"

    counted = await acme.post("/people/erase", {"email": person.email.upper(), "dry_run": True})
    live = {number for number in own if sandbox.site.account.tickets[number].state == "live"}
    assert counted["held"]["tickets_requested"] >= len(live) > 0
    told = (await acme.client.post("/api/v1/people/export", json={"email": person.email})).json()["items"]
    assert {each["original_id"] for each in told if each["kind"] == "requester"} >= {str(number) for number in live}
    assert any(each["kind"] == "mention" and each["original_id"] == str(other) and each["url"] for each in told)
    assert any(each["kind"] == "answers" for each in told)

    erasure = await erased(acme, email=person.email, attachments=True)
    assert erasure["held"]["tickets_requested"] == counted["held"]["tickets_requested"]
    await trip.settle("acme")
    assert files_with(tmp_path, person.email.lower()) == []
    assert files_with(tmp_path, person.name) == []
    document = await ticket(trip, "acme", own[0])
    assert person.name not in json.dumps([document.title, document.requester, *[part.text + part.author for part in document.parts]])
    assert (document.requester, document.state.value) == ("[erased]", "indexed")
    assert "[erased]" in str((await ticket(trip, "acme", other)).parts)
    assert (await acme.post("/people/erase", {"email": person.email, "dry_run": True}))["held"]["documents"] == 0

    change.add_turn(sandbox.site, own[0], {"body": f"<p>{person.name} again, {person.email}</p>", "incoming": True})
    change.add_turn(sandbox.site, other, {"body": f"<p>And {person.email} once more</p>"})
    run = await acme.sync()
    assert run["counts"]["stored"] >= 2
    await acme.sync(mode="refresh")
    await trip.settle("acme")
    document = await ticket(trip, "acme", own[0])
    assert "[erased] again" in str([part.text for part in document.parts])
    assert files_with(tmp_path, person.email.lower()) == []
    audit = await acme.get("/audit", action="person.erase")
    assert person.email.lower() not in json.dumps(audit).lower()
    assert len((await acme.get("/audit", action="person.erased"))["items"]) == 1


async def test_another_companys_copy_stays(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    bravo = await trip.onboard("bravo")
    await bravo.connect(sandbox)
    person = busiest(sandbox)
    for tenant in (acme, bravo):
        await tenant.sync()
        await trip.settle(tenant.company_id)
    before = await ticket(trip, "bravo", tickets_of(sandbox, person)[0])
    held = (await bravo.post("/people/erase", {"email": person.email, "dry_run": True}))["held"]
    await erased(acme, email=person.email)
    assert (await ticket(trip, "acme", tickets_of(sandbox, person)[0])).requester == "[erased]"
    assert await ticket(trip, "bravo", tickets_of(sandbox, person)[0]) == before
    assert (await bravo.post("/people/erase", {"email": person.email, "dry_run": True}))["held"] == held
    await bravo.sync(mode="refresh")
    assert (await ticket(trip, "bravo", tickets_of(sandbox, person)[0])).requester == before.requester
    assert (await bravo.get("/people/erasures"))["items"] == []


async def test_the_helpdesks_id_and_a_phone_number_name_a_person_too(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    person = busiest(sandbox)
    first = tickets_of(sandbox, person)[0]
    change.add_turn(sandbox.site, first, {"body": "<p>Call +82 10-9876-5432 or 010 9876 5432.</p>"})
    await acme.sync()
    await trip.settle("acme")
    await erased(acme, phone="010-9876-5432")
    document = await ticket(trip, "acme", first)
    assert "Call [erased] or [erased]." in str([part.text for part in document.parts])
    assert document.requester == person.name
    await erased(acme, person_id=str(person.id))
    assert (await ticket(trip, "acme", first)).requester == "[erased]"
    person_told = await acme.client.post("/api/v1/people/export", json={"email": person.email})
    assert [each["kind"] for each in person_told.json()["items"]] == []


async def test_it_is_the_same_on_postgresql(tmp_path: Path, sandbox: SandboxServer, postgres: PostgresDatabase) -> None:
    person = busiest(sandbox)
    other = stranger(sandbox, person)
    async with running_trip(tmp_path, **on(postgres)) as trip:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        await acme.sync()
        await acme.ask(f"{person.email} 계정으로 로그인이 되지 않습니다")
        await erased(acme, email=person.email, attachments=True)
        assert "[erased]" in str((await ticket(trip, "acme", other)).parts)
        async with trip.runtime.services.database.directory() as directory:
            assert [job for job in await directory.unfinished() if job.name is JobName.ERASE_PERSON] == []
        change.add_turn(sandbox.site, other, {"body": f"<p>And {person.email} once more</p>"})
        await acme.sync()
        assert "And [erased] once more" in str((await ticket(trip, "acme", other)).parts)
        assert not any((await acme.post("/people/erase", {"email": person.email, "dry_run": True}))["held"].values())


class KilledError(Exception):
    """The process is gone."""


class Mortal:
    """A database, or files, whose process is killed right before its next write but so many."""

    def __init__(self, port: Any, left: list[int]) -> None:
        self._port = port
        self._left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def open(self, company_id: str, *, write: bool = False) -> Any:
        if write:
            self._strike()
            return self._port.open(company_id, write=True)
        opened = self._port.open(company_id)
        return Mortal(opened, self._left) if hasattr(opened, "put_file") else opened

    async def put(self, key: str, data: bytes) -> None:
        self._strike()
        await self._port.put(key, data)

    async def delete(self, prefix: str) -> int:
        self._strike()
        return int(await self._port.delete(prefix))

    def _strike(self) -> None:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise KilledError


async def test_an_erasure_that_is_killed_before_any_of_its_writes_goes_on(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    person = busiest(sandbox)
    stranger(sandbox, person)
    await acme.sync()
    await trip.settle("acme")
    services = trip.runtime.services
    await services.queue.stop()
    erasure = await acme.post("/people/erase", {"email": person.email, "attachments": True})
    kills, lives = 0, 0
    again: float | None = 0.0
    while again is not None:
        lives += 1
        left = [lives]
        mortal = dataclasses.replace(services, database=Mortal(services.database, left), blobs=Mortal(services.blobs, left))
        try:
            again = await person_erase.erase_person(mortal, "acme", erasure["erasure_id"])
        except KilledError:
            kills += 1
        if again:
            await process_pending(services, "acme")
    assert kills > 3
    held = (await acme.post("/people/erase", {"email": person.email, "dry_run": True}))["held"]
    assert not any(held.values()), held
