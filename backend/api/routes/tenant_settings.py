"""How a company's data is handled, for its admins."""

from fastapi import APIRouter

from backend.api.deps import ServicesDep, SettingsCaller
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.tenants import SettingsIn, SettingsOut
from backend.core.errors import Code
from backend.core.model.personal import Kind
from backend.core.model.tenant import Tenant
from backend.core.usecases import tenants

router = APIRouter(prefix=f"{API}/settings", tags=["settings"])


@router.get("", response_model=SettingsOut, responses=problems(Code.TENANT_NOT_FOUND))
async def get_settings(services: ServicesDep, caller: SettingsCaller) -> Tenant:
    """What holds now."""
    return await tenants.get_tenant(services, caller.company_id)


@router.patch("", response_model=SettingsOut, responses=problems(Code.TENANT_NOT_FOUND, body=True))
async def change_settings(body: SettingsIn, services: ServicesDep, caller: SettingsCaller) -> Tenant:
    """Change it, from the next call to a model or the next request on."""
    kinds = None if body.masked_kinds is None else [Kind(name.upper()) for name in body.masked_kinds]
    return await tenants.change_masking(services, caller, masking=body.masking, kinds=kinds, helpdesk_login=body.helpdesk_login)
