"""What every store of exports must do."""

from msgspec.structs import replace

from backend.core.model.export import ExportState
from backend.core.model.job import Job, JobName
from tests.contract.records import Records, export


async def test_exports_are_kept_newest_first(records: Records) -> None:
    first, second = export("export_1"), export("export_2", 5, rows={"documents": 3}, state=ExportState.DONE)
    async with records.database.open("acme") as work:
        assert await work.exports.list() == []
        for each in (first, second):
            await work.exports.put(each)
        assert await work.exports.list() == [second, first]
        await work.exports.put(replace(first, attempt=1))
        assert await work.exports.get("export_1") == replace(first, attempt=1)
        await work.exports.delete("export_1")
        await work.exports.delete("nobody")
        assert await work.exports.list() == [second]
        assert await work.exports.get("export_1") is None


async def test_what_is_not_written_yet_is_found_again_after_a_restart(records: Records) -> None:
    for company in ("acme", "other"):
        async with records.database.open(company) as work:
            for state in ExportState:
                await work.exports.put(export(f"export_{company}_{state.value}", state=state))
    async with records.database.directory() as directory:
        found = {(job.company_id, job.subject) for job in await directory.unfinished() if job.name is JobName.EXPORT_COMPANY}
        assert Job(name=JobName.EXPORT_COMPANY, company_id="acme", subject="export_acme_running") in await directory.unfinished()
    assert found == {(company, f"export_{company}_{state}") for company in ("acme", "other") for state in ("queued", "running")}
