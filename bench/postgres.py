"""A full sync over PostgreSQL beside the same one over SQLite, in turn in one run, and which statements PostgreSQL's share goes to.

The server is one of its own with PostgreSQL's default settings: every commit waits for the disk. Run it with `python -m bench.postgres`.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from typing import Any, Final

import asyncpg

from bench.sync import sandbox
from tests.support.postgres import Cluster, PostgresDatabase, database_at, make_database, running_cluster

PAIRS: Final = 3
TICKETS: Final = 1500
WANTED: Final = 0.80
_STATEMENTS: Final = """
SELECT calls, round(total_exec_time::numeric, 1) AS ms, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) AS what
FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 6
"""


def main() -> None:
    """Measure both and print a table and a line of figures."""
    with running_cluster(("shared_preload_libraries=pg_stat_statements",)) as cluster:
        _measure(cluster)


def _measure(cluster: Cluster) -> None:
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    with sandbox(TICKETS, 0) as url:
        for number in range(PAIRS):
            asyncio.run(make_database(cluster.admin_url, f"bench_{number}"))
            database = database_at(cluster.admin_url, f"bench_{number}")
            pairs.append((_sync(url), _sync(url, database)))
        statements = asyncio.run(_statements(cluster.admin_url))
    shares = sorted(ours["tickets_per_s"] / embedded["tickets_per_s"] for embedded, ours in pairs)
    share = statistics.median(shares)
    embedded, ours = min(pairs, key=lambda pair: abs(pair[1]["tickets_per_s"] / pair[0]["tickets_per_s"] - share))
    print(f"full sync of {TICKETS} tickets, offline models, a helpdesk that answers at once")
    for name, side in (("embedded", embedded), ("postgresql", ours)):
        print(f"  {name:10}  {side['tickets_per_s']:8.1f} tickets/s   {side['cpu_ms_per_ticket']['all']:.2f} CPU ms a ticket in Desklore")
    print(f"  share       {share:8.0%}   of {', '.join(f'{each:.0%}' for each in shares)}; wanted {WANTED:.0%}")
    print("  what PostgreSQL was busy with (all runs):")
    for calls, ms, what in statements:
        print(f"    {ms:9} ms  {calls:7} calls  {what}")
    print(
        json.dumps({"what": "postgres_sync", "share": share, "wanted": WANTED, "shares": shares, "embedded": embedded, "postgresql": ours})
    )


def _sync(url: str, database: PostgresDatabase | None = None) -> dict[str, Any]:
    settings: dict[str, str] = {}
    if database is not None:
        settings = {"storage_type": "postgresql", "database_url": database.url, "database_migration_url": database.owner_url}
    command = [sys.executable, "-c", f"from bench.sides import run; run('desklore', {url!r}, **{settings!r})"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


async def _statements(admin_url: str) -> list[Any]:
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute("CREATE EXTENSION pg_stat_statements")
        return list(await connection.fetch(_STATEMENTS))
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
