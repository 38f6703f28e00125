"""Rotating the master key: every tenant's data key is wrapped anew while everything goes on (SPEC D2)."""

import asyncio

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.tenant import Caller, Tenant
from backend.core.ports.services import Services


class RotationState(Struct, frozen=True, kw_only=True):
    """How far it is."""

    tenants: int
    left: int
    """Tenants whose data key is still wrapped by an older master key."""


class Unwrapped(Struct, frozen=True, kw_only=True):
    """A tenant whose data key could not be wrapped anew."""

    company_id: str
    code: str
    message: str


class Rotated(Struct, frozen=True, kw_only=True):
    """What one batch did."""

    tenants: int
    left: int
    rewrapped: int
    failed: tuple[Unwrapped, ...]
    after: str | None
    """Where the next batch begins; None: this was the last one."""


async def rotation_state(services: Services) -> RotationState:
    """How many tenants still need an older master key."""
    tenants = await _tenants(services)
    return RotationState(tenants=len(tenants), left=len(await _old(services, tenants)))


async def rotate_master_key(services: Services, caller: Caller, *, limit: int, after: str | None = None) -> Rotated:
    """Wrap the data keys of up to `limit` tenants with the newest master key, in the order of their ids from `after` on.

    Secrets are not touched: they are sealed by the data key, which stays the same. What is done is seen by the wrapping
    itself, so an interrupted rotation is taken up by asking again. One tenant's failure stops no other's.
    """
    tenants = await _tenants(services)
    old = await _old(services, tenants)
    due = [tenant for tenant in old if after is None or tenant.company_id > after]
    rewrapped, failed = 0, []
    for tenant in due[:limit]:
        try:
            rewrapped += await _rewrap(services, caller, tenant)
        except AppError as error:
            if error.code is not Code.SECRET_UNREADABLE:
                # The database or the key service is away: nothing works now, and nothing done is lost.
                raise
            failed.append(Unwrapped(company_id=tenant.company_id, code=error.code.value, message=error.message))
    return Rotated(
        tenants=len(tenants),
        left=len(old) - rewrapped,
        rewrapped=rewrapped,
        failed=tuple(failed),
        after=due[limit - 1].company_id if len(due) > limit else None,
    )


async def _rewrap(services: Services, caller: Caller, tenant: Tenant) -> bool:
    """Wrap one data key anew, unless the tenant went or was changed by somebody who rotates too."""
    fresh = await asyncio.to_thread(services.cipher.rewrap, tenant.company_id, tenant.sealed_data_key)
    async with services.database.directory() as directory:
        current = await directory.lock_tenant(tenant.company_id)
        if current is None or current.sealed_data_key != tenant.sealed_data_key:
            return False
        await directory.put_tenant(msgspec.structs.replace(current, sealed_data_key=fresh))
        await directory.audit(caller.audited("master_key.rotate", tenant.company_id))
    return True


async def _tenants(services: Services) -> list[Tenant]:
    async with services.database.directory() as directory:
        return sorted(await directory.list_tenants(), key=lambda tenant: tenant.company_id)


async def _old(services: Services, tenants: list[Tenant]) -> list[Tenant]:
    """Those whose data key the newest master key did not wrap."""

    def pick() -> list[Tenant]:
        services.cipher.look_again()
        return [tenant for tenant in tenants if not services.cipher.is_newest(tenant.company_id, tenant.sealed_data_key)]

    return await asyncio.to_thread(pick)
