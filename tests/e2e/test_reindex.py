"""An index that is gone or changed is built anew from the store, without the helpdesk and without paying again."""

import asyncio
import shutil
from pathlib import Path

from backend.core.model.document import DocState
from backend.core.ports.services import Services
from sandbox.serve import SandboxServer
from tests.e2e.trip import running_trip


async def test_an_index_that_is_lost_or_changed_is_built_anew(tmp_path: Path, sandbox: SandboxServer) -> None:
    data = tmp_path / "data"
    async with running_trip(data) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        run = await tenant.sync()
        documents = run["counts"]["documents"]
        first = await tenant.ask("비밀번호 재설정 메일이 오지 않아요")
        key = tenant.api_key
    asked = sandbox.stats.total
    shutil.rmtree(data / "index" / "acme")
    for settings in ({}, {"dense_weight": 0.5}):
        async with running_trip(data, **settings) as trip:
            tenant = trip.tenant("acme", key)
            services = trip.runtime.services
            async with asyncio.timeout(60):
                while await _indexed(services) != documents:
                    await asyncio.sleep(0.05)
            assert (await (await services.indexes.open("acme")).count())[1] == documents
            again = await tenant.ask("비밀번호 재설정 메일이 오지 않아요")
            if not settings:
                assert [hit["document_id"] for hit in again["tickets"]] == [hit["document_id"] for hit in first["tickets"]]
            assert again["answer"]["grounded"]
    assert sandbox.stats.total == asked


async def _indexed(services: Services) -> int:
    async with services.database.open("acme") as uow:
        return (await uow.documents.counts()).get(DocState.INDEXED, 0)
