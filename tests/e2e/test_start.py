"""A start looks at every company without opening what is whole, and what is broken of one company holds up no other."""

import asyncio
import shutil
from pathlib import Path

import pytest

from backend.core.model.document import DocState
from backend.storage.qdrant.edge import EdgeIndexes
from sandbox.serve import SandboxServer
from tests.e2e.trip import running_trip

COMPANIES = ("acme", "globex", "initech")
QUESTION = "비밀번호 재설정 메일이 오지 않아요"


@pytest.fixture
async def data(tmp_path: Path, sandbox: SandboxServer) -> tuple[Path, dict[str, str]]:
    """Two companies with the same helpdesk and one without any, at rest; their keys."""
    data, keys = tmp_path / "data", {}
    async with running_trip(data, briefs_ahead=0) as trip:
        for company_id in COMPANIES:
            tenant = await trip.onboard(company_id)
            keys[company_id] = tenant.api_key
            if company_id != "initech":
                await tenant.connect(sandbox)
                await tenant.sync()
                await trip.settle(company_id)
    return data, keys


async def test_what_is_whole_is_not_opened_and_what_is_lost_is_built_anew(data: tuple[Path, dict[str, str]]) -> None:
    folder, keys = data
    shutil.rmtree(folder / "index" / "acme")
    async with running_trip(folder, briefs_ahead=0) as trip:
        services = trip.runtime.services
        assert isinstance(services.indexes, EdgeIndexes)
        opened = [company_id for company_id in COMPANIES if services.indexes.shards.is_open((company_id, services.indexes.makers))]
        assert opened == ["acme"]
        await trip.settle("acme")
        answers = [await trip.tenant(company_id, keys[company_id]).ask(QUESTION) for company_id in COMPANIES]
    first, second, none = ([hit["original_id"] for hit in answer["tickets"]] for answer in answers)
    assert first == second
    assert first
    assert not none


async def test_a_damaged_index_holds_up_no_other_company(data: tuple[Path, dict[str, str]]) -> None:
    folder, keys = data
    for broken in (*(folder / "index" / "acme").rglob("segment.json"), *(folder / "index" / "acme").rglob("documents")):
        broken.write_text("{")
    async with asyncio.timeout(60), running_trip(folder, briefs_ahead=0, jobs=False) as trip:
        # It is looked at again and again, so nobody waits for that.
        await trip.runtime.start()
        assert (await trip.tenant("globex", keys["globex"]).ask(QUESTION))["tickets"]
        asked = await trip.tenant("acme", keys["acme"]).client.post("/api/v1/query", json={"question": QUESTION})
        assert (asked.status_code, asked.json()["error"]["code"]) == (503, "index_unavailable"), asked.text
    shutil.rmtree(folder / "index" / "acme")
    async with running_trip(folder, briefs_ahead=0) as trip:
        await trip.settle("acme")
        async with trip.runtime.services.database.open("acme") as uow:
            assert (await uow.documents.counts())[DocState.INDEXED]
        assert (await trip.tenant("acme", keys["acme"]).ask(QUESTION))["tickets"]
