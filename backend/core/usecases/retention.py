"""Forget runs that ended long ago (SPEC J4), and delete exports whose time is up; logs by months are the database's matter."""

from datetime import datetime, timedelta
from typing import Final

from backend.core import clock
from backend.core.model.export import EXPORTS, Export
from backend.core.model.tenant import AuditEntry
from backend.core.ports.services import Services

KEPT: Final = 20
"""The latest runs of a connection stay however old they are: estimates and the schedule look at them, and people do."""
ACTOR: Final = "retention"
"""Who deletes what was kept long enough, as the audit log names it."""
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


async def delete_old_exports(services: Services) -> int:
    """Delete the exports of every tenant whose time is up, and files that no export names; returns how many exports. Safe to repeat."""
    async with services.database.directory() as directory:
        tenants = await directory.list_tenants()
    return sum([await _delete_exports(services, tenant.company_id) for tenant in tenants])


async def _delete_exports(services: Services, company_id: str) -> int:
    blobs = services.blobs.open(company_id)
    # Before the rows: what is begun after this look is none of its matter.
    keys = await blobs.list(EXPORTS)
    async with services.database.open(company_id) as uow:
        exports = await uow.exports.list()
    now = clock.now()
    old = [each for each in exports if each.is_over(now)]
    named = {each.key for each in exports if each not in old}
    for key in keys:
        if key not in named:
            await blobs.delete(key)
    if old:
        async with services.database.open(company_id, write=True) as uow:
            for each in old:
                await uow.exports.delete(each.export_id)
                await uow.audit.add(_deleted(each, now))
    return len(old)


def _deleted(export: Export, now: datetime) -> AuditEntry:
    return AuditEntry(at=now, actor=ACTOR, action="export.delete", target=export.export_id)


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
