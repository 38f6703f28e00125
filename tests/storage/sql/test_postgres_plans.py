"""Over many tenants and Documents every query the stores make finds its rows by an index (SPEC C2)."""

from tests.support.plans import nodes, plans_over, scans
from tests.support.postgres import PostgresDatabase


async def test_no_query_scans_a_table(postgres: PostgresDatabase) -> None:
    found = await plans_over(postgres, tenants=40, documents=500, big=4_000)
    assert len(found) > 55
    assert scans(found) == []
    for column in ("actor", "action"):
        told = [plan for sql, plan in found.items() if f"audit.{column} = $" in sql and "SELECT" in sql]
        indexes = [node["Index Name"] for plan in told for node in nodes(plan) if "Index Name" in node]
        assert [name for name in indexes if column in name], "row-level security keeps no plan from this index"
    claims = [plan for sql, plan in found.items() if "SKIP LOCKED" in sql and "ORDER BY documents.updated_at DESC" in sql]
    assert claims
    assert not [node for plan in claims for node in nodes(plan) if node["Node Type"] == "Sort"], "a claim does not sort all that wait"
