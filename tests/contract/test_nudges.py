"""What every NudgeStore must do: an item is noted once, stays until its last change was read, and a delivery is taken once."""

from datetime import timedelta

from backend.core.model.document import DocType
from backend.core.model.job import JobName
from backend.core.model.webhook import Nudge
from tests.contract.records import START, Records, connection


def nudge(original_id: str, mark: str = "m1", seconds: int = 0, connection_id: str = "conn_1") -> Nudge:
    at = START + timedelta(seconds=seconds)
    return Nudge(connection_id=connection_id, doc_type=DocType.TICKET, original_id=original_id, at=at, mark=mark)


async def test_an_item_that_is_told_of_often_is_noted_once_and_stays_until_the_last_was_read(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.nudges.note([nudge("1"), nudge("2", seconds=1), nudge("3", connection_id="conn_2")])
        await work.nudges.note([nudge("1", "m2", seconds=5), nudge("1", "m3", seconds=6)])
    async with records.database.open("acme") as work:
        assert await work.nudges.due("conn_1", START, 10) == [nudge("1", "m3")]
        assert await work.nudges.due("conn_1", START + timedelta(seconds=1), 10) == [nudge("1", "m3"), nudge("2", seconds=1)]
        assert await work.nudges.due("conn_1", START + timedelta(seconds=1), 1) == [nudge("1", "m3")]
        await work.nudges.done([nudge("1", "m2"), nudge("2", seconds=1)])
        assert await work.nudges.due("conn_1", None, 10) == [nudge("1", "m3")], "it was told of again while it was read"
        await work.nudges.done([nudge("1", "m3")])
        assert await work.nudges.due("conn_1", None, 10) == []
        assert await work.nudges.due("conn_2", None, 10) == [nudge("3", connection_id="conn_2")]


async def test_deliveries_are_remembered_by_connection_until_they_are_old(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.nudges.remember("conn_1", ["a", "a", "b"], START)
        await work.nudges.remember("conn_1", ["c"], START + timedelta(minutes=5))
        assert await work.nudges.seen("conn_1", ["a", "b", "c", "d"]) == {"a", "b", "c"}
        assert await work.nudges.seen("conn_2", ["a"]) == set()
        await work.nudges.forget("conn_1", START + timedelta(minutes=1))
        assert await work.nudges.seen("conn_1", ["a", "b", "c"]) == {"c"}


async def test_what_is_noted_is_unfinished(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.nudges.note([nudge("1"), nudge("2"), nudge("1", connection_id="conn_2")])
    async with records.database.directory() as directory:
        unfinished = [(job.name, job.company_id, job.subject) for job in await directory.unfinished()]
    assert unfinished == [(JobName.READ_NUDGES, "acme", "conn_1"), (JobName.READ_NUDGES, "acme", "conn_2")]


async def test_a_connection_is_found_by_its_id_alone(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.connections.put(connection())
        await work.nudges.note([nudge("1")])
    async with records.database.directory() as directory:
        assert await directory.find_connection("conn_1") == ("acme", connection())
        assert await directory.find_connection("conn_2") is None
        assert await directory.find_connections(connection().platform, connection().domain) == [("acme", connection())]
        assert await directory.find_connections("zendesk", connection().domain) == []
        assert await directory.find_connections(connection().platform, "elsewhere.freshdesk.com") == []
    async with records.database.open("acme") as work:
        await work.connections.delete("conn_1")
        assert await work.nudges.due("conn_1", None, 10) == []
