"""Tenants, for the operator: onboard, look at, give a first admin key, erase."""

from fastapi import APIRouter, Path

from backend.api.deps import AuthDep, AuthenticatorDep, OperatorCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.keys import KeyOut, MadeKeyOut
from backend.api.schemas.tenants import AdminKeyIn, ErasedOut, TenantIn, TenantOut
from backend.core.errors import Code
from backend.core.model.tenant import Role, Tenant
from backend.core.usecases import keys, tenants

router = APIRouter(prefix=f"{API}/tenants", tags=["tenants"])


@router.post("", status_code=201, response_model=TenantOut, responses=problems(Code.TENANT_EXISTS, body=True))
async def onboard_tenant(body: TenantIn, services: ServicesDep, caller: OperatorCaller) -> Tenant:
    """Add a company."""
    return await tenants.onboard_tenant(services, caller, company_id=body.company_id, name=body.name)


@router.get("", response_model=Items[TenantOut], responses=problems())
async def list_tenants(services: ServicesDep, caller: OperatorCaller) -> dict[str, list[Tenant]]:
    """All companies, oldest first."""
    return {"items": await tenants.list_tenants(services, caller)}


@router.get("/{company_id}", response_model=TenantOut, responses=problems(Code.TENANT_NOT_FOUND))
async def get_tenant(services: ServicesDep, caller: OperatorCaller, company_id: str = Path(max_length=63)) -> Tenant:
    """One company."""
    return await tenants.look_at_tenant(services, caller, company_id)


@router.delete("/{company_id}", response_model=ErasedOut, responses=problems(Code.TENANT_NOT_FOUND, Code.INDEX_UNAVAILABLE))
async def delete_tenant(
    services: ServicesDep, authenticator: AuthenticatorDep, caller: OperatorCaller, company_id: str = Path(max_length=63)
) -> tenants.Erased:
    """Delete a company with every row, file and index point; this can't be undone."""
    erased = await tenants.delete_tenant(services, caller, company_id)
    authenticator.forget(company_id)
    return erased


@router.post("/{company_id}/keys", status_code=201, response_model=MadeKeyOut, responses=problems(Code.TENANT_NOT_FOUND, body=True))
async def create_admin_key(
    body: AdminKeyIn, services: ServicesDep, auth: AuthDep, caller: OperatorCaller, company_id: str = Path(max_length=63)
) -> MadeKeyOut:
    """Make an admin key for a company: its admins make all others with it."""
    wanted = keys.KeyInput(name=body.name, role=Role.ADMIN)
    made = await keys.create_key(services, auth, company_id, wanted, caller=caller)
    return MadeKeyOut(**KeyOut.model_validate(made.key).model_dump(), api_key=made.plain.reveal())
