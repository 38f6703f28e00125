"""The same trip over SQLite and over PostgreSQL ends with the same answers."""

import math
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from backend.core.model.document import DocState
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.postgres import PostgresDatabase

QUESTIONS = (
    "SSO 로그인을 하면 계속 반복됩니다",
    "비밀번호를 재설정하려는데 메일이 오지를 않습니다",
    "password reset email never arrives",
    "김치찌개 끓이는 법 알려줘",
)
_OF_THE_MOMENT = (
    "stored_at",
    "indexed_at",
    "answer_id",
    "created_at",
    "run_id",
    "connection_id",
    "started_at",
    "finished_at",
    "api_remaining",
)


def on(database: PostgresDatabase) -> dict[str, Any]:
    """The settings for a database."""
    return {"storage_type": "postgresql", "database_url": database.url, "database_migration_url": database.owner_url}


def lasting(value: Any) -> Any:
    """Without the ids and times that differ from one run to the next."""
    if isinstance(value, dict):
        return {
            name: lasting(part) for name, part in value.items() if name not in _OF_THE_MOMENT and not name.endswith(("_ms", "_seconds"))
        }
    return [lasting(part) for part in value] if isinstance(value, list | tuple) else value


def different(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two values differ, and how. Scores depend in their last digits on the order in which documents came."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for name in one for line in different(one[name], other[name], f"{place}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for number, pair in enumerate(zip(one, other, strict=True)) for line in different(*pair, f"{place}[{number}]")]
    if isinstance(one, float) and isinstance(other, float) and math.isclose(one, other, rel_tol=1e-4):
        return []
    return [] if one == other else [f"{place}: {str(one)[:100]} is not {str(other)[:100]}"]


async def told(trip: Trip, tenant: Tenant) -> dict[str, Any]:
    """All that a tenant is told after a sync."""
    async with trip.runtime.services.database.open(tenant.company_id) as uow:
        states = [state for state in DocState if state is not DocState.DELETED]
        documents, _ = await uow.documents.list(states=states, limit=1000)
        files = await uow.attachments.of([document.document_id for document in documents])
    first = documents[0]
    return {
        "documents": sorted(lasting(to_builtins(documents)), key=lambda each: str(each["document_id"])),
        "files": lasting(to_builtins(files)),
        "answers": [lasting(await tenant.ask(question)) for question in QUESTIONS],
        "titles": lasting(await tenant.get("/documents", search=first.title[:4])),
        "usage": await tenant.get("/usage"),
    }


async def travel(data_dir: Path, sandbox: SandboxServer, **settings: Any) -> dict[str, Any]:
    """Onboard, sync, ask, sync again, delete on the helpdesk, restart, ask again."""
    async with running_trip(data_dir, **settings) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        first = await tenant.sync()
        await trip.settle("acme")
        story = {"first": lasting(first["counts"]), **await told(trip, tenant)}
        changed = await tenant.client.patch("/api/v1/settings", json={"masked_kinds": ["card", "rrn"]})
        assert changed.is_success, changed.text
        schedule = await tenant.client.put(f"/api/v1/connections/{tenant.connection_id}/schedule", json={"every_minutes": 30})
        assert schedule.is_success, schedule.text
        thumb = {"document_id": str(story["documents"][0]["document_id"]), "rating": "up"}
        assert (await tenant.client.post("/api/v1/feedback", json=thumb)).is_success
        story["audit"] = sorted(entry["action"] for entry in (await tenant.get("/audit"))["items"])
        story["failures"] = (await tenant.get(f"/connections/{tenant.connection_id}/failures"))["total"]
        again = await tenant.sync(mode="full")
        assert (again["counts"]["stored"], again["counts"]["llm_calls"]) == (0, 0)
        key = tenant.api_key
    async with running_trip(data_dir, **settings) as trip:
        tenant = trip.tenant("acme", key)
        story["after a restart"] = [lasting(await tenant.ask(question)) for question in QUESTIONS]
        stranger = await trip.onboard("other")
        assert (await stranger.get("/documents"))["items"] == []
        assert (await stranger.ask(QUESTIONS[0]))["tickets"] == []
    return story


async def test_both_modes_tell_the_same(tmp_path: Path, postgres: PostgresDatabase) -> None:
    async with running_sandbox(SandboxOptions(tickets=40)) as sandbox:
        embedded = await travel(tmp_path / "file", sandbox)
        production = await travel(tmp_path / "postgresql", sandbox, **on(postgres))
    assert embedded["answers"][0]["answer"]["grounded"]
    assert not embedded["answers"][-1]["answer"]["grounded"]
    assert different(embedded, production) == []
    assert not (tmp_path / "postgresql" / "desklore.db").exists()


async def test_one_connection_is_enough(tmp_path: Path, postgres: PostgresDatabase) -> None:
    """Nobody opens a transaction while holding another one, or this would wait for ever."""
    async with (
        running_sandbox(SandboxOptions(tickets=30)) as sandbox,
        running_trip(tmp_path, **on(postgres), database_pool_size=1) as trip,
    ):
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        run = await tenant.sync()
        assert run["state"] == "completed", run
        assert (await tenant.ask(QUESTIONS[1]))["tickets"]
