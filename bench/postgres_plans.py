"""A million Documents of two hundred tenants in PostgreSQL: no statement scans a table, and how long the frequent ones take.

Filling the tables takes some minutes and about 3 GB of disk. Run it with `python -m bench.postgres_plans`.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from backend.core.model.document import DocType
from backend.core.ports.database import UnitOfWork
from backend.storage.sql.engine import upgrade
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import CONNECTION, START
from tests.support.plans import forget, plans_over, scans
from tests.support.postgres import PostgresDatabase, database_at, make_database, running_cluster

TENANTS: Final = 200
DOCUMENTS: Final = 4_900
BIG: Final = 25_000
TIMES: Final = 30
_IDS: Final = [f"t7-{number}" for number in range(100, 200)]
FREQUENT: Final[dict[str, Callable[[UnitOfWork], Awaitable[Any]]]] = {
    "versions of a page of 100": lambda work: work.documents.versions(CONNECTION, DocType.TICKET, [str(n) for n in range(100, 200)]),
    "what waits for later": lambda work: work.documents.postponed(START),
    "documents by state": lambda work: work.documents.counts(),
    "paid results, 100": lambda work: work.usage.get_cached(_IDS),
    "whether thumbs changed": lambda work: work.feedback.version(),
    "release what was left": lambda work: work.documents.release(),
}


def main() -> None:
    """Fill, explain, measure, and print a table and a line of figures."""
    with running_cluster() as cluster:
        asyncio.run(make_database(cluster.admin_url, "plans"))
        database = database_at(cluster.admin_url, "plans")
        upgrade(database.url, database.owner_url)
        asyncio.run(_measure(database))


async def _measure(postgres: PostgresDatabase) -> None:
    found = await plans_over(postgres, tenants=TENANTS, documents=DOCUMENTS, big=BIG)
    bad = scans(found)
    total = (TENANTS - 1) * DOCUMENTS + BIG
    print(f"{total:,} documents of {TENANTS} tenants: {len(found)} statements, {len(bad)} of them scan a table")
    for line in bad:
        print(f"  {line}")
    database = SqlDatabase(postgres.url, forget)
    medians = {name: await _median_ms(partial(_in_tenant, database, call)) for name, call in FREQUENT.items()}
    medians["whose a key is"] = await _median_ms(partial(_find_key, database))
    medians["what is left to do, all tenants"] = await _median_ms(partial(_unfinished, database))
    await database.close()
    for name, ms in medians.items():
        print(f"  {name:34} {ms:8.2f} ms, transaction and all")
    print(
        json.dumps({"what": "postgres_plans", "documents": total, "tenants": TENANTS, "scans": len(bad), "wanted": 0, "median_ms": medians})
    )


async def _median_ms(call: Callable[[], Awaitable[None]]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(took), 3)


async def _in_tenant(database: SqlDatabase, call: Callable[[UnitOfWork], Awaitable[Any]]) -> None:
    async with database.open("t7") as work:
        await call(work)


async def _find_key(database: SqlDatabase) -> None:
    async with database.directory() as directory:
        await directory.find_key("no such key")


async def _unfinished(database: SqlDatabase) -> None:
    async with database.directory() as directory:
        await directory.unfinished()


if __name__ == "__main__":
    main()
