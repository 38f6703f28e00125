"""Access tokens, and who is asking."""

from fastapi import APIRouter

from backend.api.deps import AnyCaller, AuthDep, ServicesDep, TenantAnyCaller
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.tokens import MeOut, TokenIn, TokenOut
from backend.core.model.tenant import Caller
from backend.core.usecases import tokens

router = APIRouter(prefix=API, tags=["tokens"])


@router.post("/auth/token", status_code=201, response_model=TokenOut, responses=problems(body=True))
async def issue_token(body: TokenIn, services: ServicesDep, auth: AuthDep, caller: TenantAnyCaller) -> TokenOut:
    """Make a short-lived token from the API key of this request, never stronger than the key."""
    wanted = tokens.TokenInput(subject=body.subject, role=body.role, scopes=body.scopes, groups=body.groups)
    made = await tokens.issue_token(services, auth, wanted, caller=caller)
    return TokenOut(
        access_token=made.token.reveal(),
        role=made.role,
        scopes=list(made.scopes),
        expires_at=made.expires_at,
        unknown_groups=list(made.unknown_groups),
    )


@router.get("/me", response_model=MeOut, responses=problems())
async def who_am_i(caller: AnyCaller) -> Caller:
    """Which company, role and scopes this key or token has."""
    return caller
