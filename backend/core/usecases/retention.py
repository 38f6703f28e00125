"""Forget runs that ended long ago (SPEC J4); logs by months are the database's matter."""

from datetime import datetime, timedelta
from typing import Final

from backend.core import clock
from backend.core.ports.services import Services

KEPT: Final = 20
"""The latest runs of a connection stay however old they are: estimates and the schedule look at them, and people do."""
_AT_ONCE: Final = 500
"""Runs that one transaction forgets."""


async def forget_old_runs(services: Services) -> int:
    """Forget the ended runs of every tenant that are older than the policy wants; returns how many. Safe to repeat, by anybody."""
    days = services.policy.retention.run_days
    if not days:
        return 0
    before = clock.now() - timedelta(days=days)
    async with services.database.directory() as directory:
        tenants = await directory.list_tenants()
    return sum([await _forget(services, tenant.company_id, before) for tenant in tenants])


async def _forget(services: Services, company_id: str, before: datetime) -> int:
    async with services.database.open(company_id) as uow:
        connections = await uow.connections.list()
    forgotten = 0
    for connection in connections:
        while True:
            async with services.database.open(company_id, write=True) as uow:
                some = await uow.sync.forget_runs(connection.connection_id, before, keep=KEPT, limit=_AT_ONCE)
            forgotten += some
            if some < _AT_ONCE:
                break
    return forgotten
