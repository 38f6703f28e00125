"""Models that a company brings itself, for its admins."""

from fastapi import APIRouter

from backend.api.deps import ServicesDep, SettingsCaller
from backend.api.errors import LLM, problems
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.providers import ProviderIn, RoleModelOut
from backend.core.errors import Code
from backend.core.model.provider import ModelRole
from backend.core.model.tenant import Secret
from backend.core.usecases import providers

router = APIRouter(prefix=f"{API}/settings/providers", tags=["settings"])

Listed = dict[str, list[providers.RoleModel]]


@router.get("", response_model=Items[RoleModelOut], responses=problems(Code.TENANT_NOT_FOUND))
async def list_providers(services: ServicesDep, caller: SettingsCaller) -> Listed:
    """Which model plays which role, and how the company's own are."""
    return {"items": await providers.list_providers(services, caller.company_id)}


@router.put(
    "/{role}",
    response_model=Items[RoleModelOut],
    responses=problems(Code.TENANT_NOT_FOUND, Code.HOST_NOT_ALLOWED, Code.SECRET_UNREADABLE, *LLM, body=True),
)
async def set_provider(role: ModelRole, body: ProviderIn, services: ServicesDep, caller: SettingsCaller) -> Listed:
    """Have a model of the company's own play a role: it is asked once first, then kept with its key encrypted."""
    given = providers.ProviderInput(
        provider=body.provider,
        model=body.model,
        base_url=body.base_url,
        key=None if body.api_key is None else Secret(body.api_key.get_secret_value().strip()),
        fallback=body.fallback,
    )
    await providers.set_provider(services, caller, role, given)
    return {"items": await providers.list_providers(services, caller.company_id)}


@router.delete("/{role}", response_model=Items[RoleModelOut], responses=problems(Code.TENANT_NOT_FOUND))
async def clear_provider(role: ModelRole, services: ServicesDep, caller: SettingsCaller) -> Listed:
    """Go back to the installation's model for a role; the company's key is forgotten."""
    await providers.clear_provider(services, caller, role)
    return {"items": await providers.list_providers(services, caller.company_id)}
