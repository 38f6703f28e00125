"""API keys of a tenant, for its admins."""

from fastapi import APIRouter, Path

from backend.api.deps import AuthDep, AuthenticatorDep, KeysCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.keys import KeyIn, KeyOut, MadeKeyOut
from backend.core.errors import Code
from backend.core.model.tenant import ApiKey
from backend.core.usecases import keys

router = APIRouter(prefix=f"{API}/keys", tags=["keys"])


@router.post("", status_code=201, response_model=MadeKeyOut, responses=problems(body=True))
async def create_key(body: KeyIn, services: ServicesDep, auth: AuthDep, caller: KeysCaller) -> MadeKeyOut:
    """Make a key; it is shown this once."""
    wanted = keys.KeyInput(**body.model_dump())
    made = await keys.create_key(services, auth, caller.company_id, wanted, caller=caller)
    return MadeKeyOut(
        **KeyOut.model_validate(made.key).model_dump(),
        api_key=None if made.key.signing_only else made.plain.reveal(),
        signing_secret=None if made.signing_secret is None else made.signing_secret.reveal(),
        unknown_groups=list(made.unknown_groups),
        known_groups=list(made.known_groups),
    )


@router.get("", response_model=Items[KeyOut], responses=problems())
async def list_keys(services: ServicesDep, caller: KeysCaller) -> dict[str, list[ApiKey]]:
    """All keys, oldest first, revoked ones too."""
    return {"items": await keys.list_keys(services, caller.company_id)}


@router.delete("/{key_id}", response_model=KeyOut, responses=problems(Code.KEY_NOT_FOUND))
async def revoke_key(
    services: ServicesDep, authenticator: AuthenticatorDep, caller: KeysCaller, key_id: str = Path(max_length=100)
) -> ApiKey:
    """Revoke a key: it and every token made from it stop working at once."""
    key = await keys.revoke_key(services, caller.company_id, key_id, caller=caller)
    authenticator.forget(caller.company_id, key_id)
    return key
