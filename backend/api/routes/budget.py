"""How much models may cost a company: set by its admins, and by the operator; the tighter limit holds (SPEC C4)."""

from fastapi import APIRouter, Path

from backend.api.deps import BudgetCaller, OperatorCaller, ServicesDep, UsageCaller
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.budget import BudgetOut, LimitsIn
from backend.core.errors import Code
from backend.core.model.budget import Limits
from backend.core.usecases import budgets

router = APIRouter(prefix=API, tags=["usage"])
_OF_TENANT = "/tenants/{company_id}/budget"


@router.get("/budget", response_model=BudgetOut, responses=problems(Code.TENANT_NOT_FOUND))
async def get_budget(services: ServicesDep, caller: UsageCaller) -> budgets.BudgetView:
    """How the company's budget for models stands."""
    return await budgets.get_budget(services, caller.company_id)


@router.put("/budget", response_model=BudgetOut, responses=problems(Code.TENANT_NOT_FOUND, body=True))
async def set_budget(body: LimitsIn, services: ServicesDep, caller: BudgetCaller) -> budgets.BudgetView:
    """Set the company's own limits, all of them; what waited for the budget goes on at once."""
    return await budgets.set_budget(services, caller, caller.company_id, Limits(**body.model_dump()))


@router.delete("/budget", response_model=BudgetOut, responses=problems(Code.TENANT_NOT_FOUND))
async def delete_budget(services: ServicesDep, caller: BudgetCaller) -> budgets.BudgetView:
    """Take the company's own limits back; the operator's stay."""
    return await budgets.delete_budget(services, caller, caller.company_id)


@router.get(_OF_TENANT, response_model=BudgetOut, responses=problems(Code.TENANT_NOT_FOUND))
async def get_tenant_budget(services: ServicesDep, _: OperatorCaller, company_id: str = Path(max_length=63)) -> budgets.BudgetView:
    """How a company's budget stands, for the operator."""
    return await budgets.get_budget(services, company_id)


@router.put(_OF_TENANT, response_model=BudgetOut, responses=problems(Code.TENANT_NOT_FOUND, body=True))
async def set_tenant_budget(
    body: LimitsIn, services: ServicesDep, caller: OperatorCaller, company_id: str = Path(max_length=63)
) -> budgets.BudgetView:
    """Set the operator's limits for a company; its admins can't raise them."""
    return await budgets.set_budget(services, caller, company_id, Limits(**body.model_dump()))


@router.delete(_OF_TENANT, response_model=BudgetOut, responses=problems(Code.TENANT_NOT_FOUND))
async def delete_tenant_budget(services: ServicesDep, caller: OperatorCaller, company_id: str = Path(max_length=63)) -> budgets.BudgetView:
    """Take the operator's limits back."""
    return await budgets.delete_budget(services, caller, company_id)
