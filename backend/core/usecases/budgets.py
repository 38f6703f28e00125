"""How much models may cost a tenant: see how it stands, set it, take it back."""

from msgspec import Struct

from backend.core import clock
from backend.core.errors import Code
from backend.core.model.budget import Budget, BudgetOwner, Limits, Standing, month_of, standing_of
from backend.core.model.job import processing
from backend.core.model.tenant import Caller, Role
from backend.core.ports.database import UnitOfWork
from backend.core.ports.required import tenant_of
from backend.core.ports.services import Services


class BudgetView(Struct, frozen=True, kw_only=True):
    """What was set by whom, how it stands, and how many Documents wait for it."""

    budgets: list[Budget]
    standing: Standing
    waiting_documents: int


async def get_budget(services: Services, company_id: str) -> BudgetView:
    """How the tenant's budget stands now. Raises TENANT_NOT_FOUND."""
    await tenant_of(services.database, company_id)
    async with services.database.open(company_id) as uow:
        return await _view(uow)


async def set_budget(services: Services, caller: Caller, company_id: str, limits: Limits) -> BudgetView:
    """Set the caller's own limits: the operator's and the tenant's both hold. What waits is tried again at once.

    Raises TENANT_NOT_FOUND.
    """
    await tenant_of(services.database, company_id)
    budget = Budget(owner=_owner(caller), limits=limits, set_by=caller.actor, set_at=clock.now())
    async with services.database.open(company_id, write=True) as uow:
        await uow.budgets.put(budget)
        told = {name: str(value) for name in limits.__struct_fields__ if (value := getattr(limits, name)) is not None}
        return await _changed(uow, caller, "budget.set", company_id, told)


async def delete_budget(services: Services, caller: Caller, company_id: str) -> BudgetView:
    """Take the caller's own limits back. Raises TENANT_NOT_FOUND."""
    await tenant_of(services.database, company_id)
    async with services.database.open(company_id, write=True) as uow:
        await uow.budgets.delete(_owner(caller))
        return await _changed(uow, caller, "budget.delete", company_id, {})


async def _changed(uow: UnitOfWork, caller: Caller, action: str, company_id: str, details: dict[str, str]) -> BudgetView:
    """Let what waits be tried again: whether the new limits let it through, the next call to a model finds out."""
    await uow.audit.add(caller.audited(action, company_id, owner=_owner(caller).value, **details))
    if await uow.documents.resume(Code.LLM_BUDGET_USED_UP.value):
        uow.enqueue(processing(company_id))
    return await _view(uow)


async def _view(uow: UnitOfWork) -> BudgetView:
    now = clock.now()
    budgets = await uow.budgets.list()
    rows = await uow.usage.list(month_of(now), now.date())
    return BudgetView(budgets=budgets, standing=standing_of(budgets, rows, now), waiting_documents=await uow.documents.postponed(now))


def _owner(caller: Caller) -> BudgetOwner:
    return BudgetOwner.OPERATOR if caller.role is Role.OPERATOR else BudgetOwner.TENANT
