"""Tenants: onboard, list, look at, and erase with everything they own."""

import asyncio
import re
from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.auth import TenantCaller
from backend.core.model.personal import ALL_KINDS, Kind, in_order
from backend.core.model.sync import RunState
from backend.core.model.tenant import Caller, Tenant
from backend.core.ports.required import no_tenant, tenant_of
from backend.core.ports.services import Services

COMPANY_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]")


class Left(Struct, frozen=True, kw_only=True):
    """What was still found of a tenant after its deletion, by looking for it everywhere again."""

    rows: int
    files: int
    points: int


_NOTHING: Final = Left(rows=0, files=0, points=0)
_LOOKS: Final = (0.1, 0.3, 1.0, 0.0)
"""How long to wait after each look that finds something, in seconds."""


class Erased(Struct, frozen=True, kw_only=True):
    """How much of a tenant was deleted."""

    company_id: str
    documents: int
    connections: int
    keys: int
    points: int
    files: int
    left: Left = _NOTHING


async def onboard_tenant(services: Services, caller: Caller, *, company_id: str, name: str) -> Tenant:
    """Add a tenant with a data key of its own. Raises TENANT_EXISTS, or INVALID_REQUEST for an id that is no slug."""
    if COMPANY_ID.fullmatch(company_id) is None:
        raise AppError(
            Code.INVALID_REQUEST,
            "company_id must be 2 to 63 characters of a-z, 0-9 and -, and begin and end with a letter or digit.",
        )
    tenant = Tenant(
        company_id=company_id,
        name=name,
        created_at=clock.now(),
        # In a thread: a key service may hold the master key.
        sealed_data_key=await asyncio.to_thread(services.cipher.new_data_key, company_id),
    )
    async with services.database.directory() as directory:
        # The first write keeps all other writers out: two of the same id at once can't both find nothing.
        await directory.audit(caller.audited("tenant.create", company_id))
        if await directory.get_tenant(company_id) is not None:
            raise AppError(Code.TENANT_EXISTS, f"There is a tenant {company_id} already; choose another company_id.")
        await directory.put_tenant(tenant)
    return tenant


async def list_tenants(services: Services, caller: Caller) -> list[Tenant]:
    """All tenants, oldest first; the look is audited."""
    async with services.database.directory() as directory:
        await directory.audit(caller.audited("tenants.list", ""))
        return await directory.list_tenants()


async def get_tenant(services: Services, company_id: str) -> Tenant:
    """One tenant. Raises TENANT_NOT_FOUND."""
    return await tenant_of(services.database, company_id)


async def look_at_tenant(services: Services, caller: Caller, company_id: str) -> Tenant:
    """One tenant, for the operator; the tenant's audit log tells. Raises TENANT_NOT_FOUND."""
    tenant = await get_tenant(services, company_id)
    async with services.database.directory() as directory:
        await directory.audit(caller.audited("tenant.read", company_id), company_id)
    return tenant


async def change_masking(
    services: Services,
    caller: TenantCaller,
    *,
    masking: bool | None = None,
    kinds: Collection[Kind] | None = None,
    helpdesk_login: bool | None = None,
) -> Tenant:
    """Switch the masking of personal data on or off for the caller's company, or choose the kinds; None: as it was.

    Likewise `helpdesk_login`, which holds from the next request on. Masking holds from the next call to a model on; summaries
    stay neutral either way. Raises TENANT_NOT_FOUND, and INVALID_REQUEST for no kind at all.
    """
    if kinds is not None and not kinds:
        raise AppError(Code.INVALID_REQUEST, "Choose at least one kind, or switch masking off: settings masking off.")
    details = {} if masking is None else {"masking": "on" if masking else "off"}
    if kinds is not None:
        details["kinds"] = ",".join(kind.lower() for kind in in_order(kinds))
    if helpdesk_login is not None:
        details["helpdesk_login"] = "on" if helpdesk_login else "off"
    entry = caller.audited("tenant.settings", caller.company_id, **details)
    async with services.database.directory() as directory:
        tenant = await directory.lock_tenant(caller.company_id)
        if tenant is None:
            raise no_tenant(caller.company_id)
        # In one transaction: the trace is kept if and only if the change is.
        await directory.audit(entry, caller.company_id)
        changed = msgspec.structs.replace(
            tenant,
            masking=tenant.masking if masking is None else masking,
            shown_kinds=tenant.shown_kinds if kinds is None else ALL_KINDS - frozenset(kinds),
            helpdesk_login=tenant.helpdesk_login if helpdesk_login is None else helpdesk_login,
        )
        await directory.put_tenant(changed)
    return changed


async def delete_tenant(services: Services, caller: Caller, company_id: str) -> Erased:
    """Delete every row, file and index point of a tenant. Raises TENANT_NOT_FOUND.

    The rows go last: a deletion that was interrupted can be asked for again. Files and index are deleted once more after
    them, because a job that was running may have written in between. Then everything is looked through once more, and
    what is left is told: nothing, else the deletion has to be asked for again.
    """
    await get_tenant(services, company_id)
    counted = await _stop_and_count(services, caller, company_id)
    points = (await (await services.indexes.open(company_id)).count())[0]
    files = await _erase_files(services, company_id)
    async with services.database.directory() as directory:
        await directory.delete_tenant(company_id)
        await directory.audit(caller.audited("tenant.delete", company_id))
    files += await _erase_files(services, company_id)
    return msgspec.structs.replace(counted, points=points, files=files, left=await _look_again(services, company_id))


async def sweep_after(services: Services, company_id: str) -> None:
    """What a job that outlived its tenant wrote is deleted behind it; nothing happens while there is the tenant."""
    async with services.database.directory() as directory:
        if await directory.get_tenant(company_id) is not None:
            return
    await _erase_files(services, company_id)


async def _look_again(services: Services, company_id: str) -> Left:
    for seconds in _LOOKS:
        left = await _look(services, company_id)
        if left == _NOTHING:
            break
        # A job on its last step: it sweeps behind itself when it ends, which may be later than anybody waits here.
        await asyncio.sleep(seconds)
        await _erase_files(services, company_id)
    return left


async def _look(services: Services, company_id: str) -> Left:
    async with services.database.directory() as directory:
        rows = sum((await directory.count_left(company_id)).values())
    files = len(await services.blobs.open(company_id).list(""))
    points = (await (await services.indexes.open(company_id)).count())[0]
    # Opening the index to look into it has made an empty one.
    await services.indexes.drop(company_id)
    return Left(rows=rows, files=files, points=points)


async def _stop_and_count(services: Services, caller: Caller, company_id: str) -> Erased:
    """Cancel what runs, so that nothing is written while we delete, and count what is there."""
    async with services.database.open(company_id, write=True) as uow:
        await uow.audit.add(caller.audited("tenant.delete", company_id))
        connections = await uow.connections.list()
        for connection in connections:
            run = await uow.sync.active_run(connection.connection_id)
            if run is not None:
                await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.CANCELED, finished_at=clock.now()))
        return Erased(
            company_id=company_id,
            documents=sum((await uow.documents.counts()).values()),
            connections=len(connections),
            keys=len(await uow.keys.list()),
            points=0,
            files=0,
        )


async def _erase_files(services: Services, company_id: str) -> int:
    await services.indexes.drop(company_id)
    await services.caches.drop(company_id)
    await services.streams.drop(company_id)
    await services.own.forget(company_id)
    await services.secrets.erase(company_id)
    return await services.blobs.open(company_id).delete("")
