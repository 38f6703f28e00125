"""What routes ask for in their signatures: the services, and a caller who may do it.

All of them are coroutines: what is none is called in a thread, which costs more than what it does.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from backend.api.errors import request_id_of
from backend.api.helpdesk_login import HEADERS, admit_login, shown_credentials
from backend.api.rates import check_caller
from backend.api.signing import signed_request
from backend.core.errors import AppError, Code
from backend.core.model.auth import AuthConfig, TenantCaller
from backend.core.model.tenant import Caller, Role, Scope
from backend.core.ports.services import Services
from backend.core.usecases.authentication import Authenticator
from backend.core.usecases.helpdesk_login import HelpdeskLogin
from backend.core.usecases.looks import Looks
from backend.core.usecases.streams import Answering

_bearer = HTTPBearer(auto_error=False, scheme_name="Bearer", description="An API key (`dk_…`) or an access token.")
_COUNTED: Final = {
    "/api/v1/search": "search",
    "/api/v1/query": "query",
    "/api/v1/query/stream": "query",
    "/api/v1/init/{ticket_id}": "ticket.brief",
    "/api/v1/init/{ticket_id}/stream": "ticket.brief",
    "/api/v1/rewrite": "rewrite",
    "/api/v1/rewrite/stream": "rewrite",
    "/api/v1/documents": "documents.list",
    "/api/v1/feedback": "feedback.list",
    "/api/v1/audit": "audit.list",
    "/api/v1/connections/{connection_id}/failures": "failures.list",
}
"""Looks that the audit log has by count, by path; those at one thing have an entry each."""
VARY = ", ".join(("Authorization", "X-API-Key", *HEADERS))
"""Headers that say who asks: a kept answer is for the same ones only."""
_api_key = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="ApiKey", description="An API key (`dk_…`).")


async def get_services(request: Request) -> Services:
    """All ports, as `create_app` was given them."""
    services: Services = request.app.state.services
    return services


async def get_auth(request: Request) -> AuthConfig:
    """The installation's secrets for telling who asks."""
    auth: AuthConfig = request.app.state.auth
    return auth


async def get_authenticator(request: Request) -> Authenticator:
    """Who turns credentials into callers."""
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


async def get_answering(request: Request) -> Answering:
    """Who writes streamed answers."""
    answering: Answering = request.app.state.answering
    return answering


async def get_caller(
    request: Request,
    authenticator: Annotated[Authenticator, Depends(get_authenticator)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    api_key: Annotated[str | None, Security(_api_key)] = None,
) -> Caller:
    """Who asks; the company comes from the credential and from nothing else."""
    request_id = request_id_of(request.scope)
    credential = bearer.credentials if bearer is not None else api_key
    if (signed := signed_request(request)) is not None:
        caller = await authenticator.authenticate_signed(signed, request_id)
    elif credential:
        caller = await authenticator.authenticate(credential, request_id)
    elif (shown := shown_credentials(request)) is not None:
        login: HelpdeskLogin = request.app.state.helpdesk_login
        caller = await login.prove(shown, admit=partial(admit_login, request), request_id=request_id)
    else:
        raise AppError(Code.UNAUTHENTICATED, "Send an API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.")
    structlog.contextvars.bind_contextvars(company_id=caller.company_id, actor=caller.actor)
    await check_caller(request.app.state.rates, caller, request.app.state.services.meter)
    return caller


def _tenant_with(scope: Scope | None) -> Callable[[Request, Caller], Awaitable[TenantCaller]]:
    async def check(request: Request, caller: Annotated[Caller, Depends(get_caller)]) -> TenantCaller:
        if not isinstance(caller, TenantCaller):
            raise AppError(Code.FORBIDDEN, "The operator key manages tenants; use a key of the tenant itself for its data.")
        if scope is not None and not caller.may(scope):
            raise AppError(Code.FORBIDDEN, f"This needs the scope {scope.value}; your {caller.role.value} key does not have it.")
        if (action := _COUNTED.get(request.scope["route"].path)) is not None and _is_look(request, action):
            looks: Looks = request.app.state.looks
            looks.note(caller, action)
        return caller

    return check


def _is_look(request: Request, action: str) -> bool:
    """A thumb is given at the path where thumbs are read."""
    return request.method == "GET" or not action.endswith(".list")


async def _of_all(caller: Annotated[TenantCaller, Depends(_tenant_with(Scope.SETTINGS))]) -> TenantCaller:
    # What is told or erased is of all tickets, with their private notes.
    if caller.role is not Role.ADMIN or caller.groups is not None or not caller.sees_internal:
        raise AppError(Code.FORBIDDEN, "Only an admin key that may see all tickets can export or erase data.")
    return caller


async def _operator(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
    if caller.role is not Role.OPERATOR:
        raise AppError(Code.FORBIDDEN, "Only the operator key may do this.")
    return caller


ServicesDep = Annotated[Services, Depends(get_services)]
AuthDep = Annotated[AuthConfig, Depends(get_auth)]
AuthenticatorDep = Annotated[Authenticator, Depends(get_authenticator)]
AnsweringDep = Annotated[Answering, Depends(get_answering)]

AnyCaller = Annotated[Caller, Depends(get_caller)]
OperatorCaller = Annotated[Caller, Depends(_operator)]
TenantAnyCaller = Annotated[TenantCaller, Depends(_tenant_with(None))]
KeysCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.KEYS))]
ConnectionsCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.CONNECTIONS))]
IngestCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.INGEST))]
RunsCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.RUNS_READ))]
DocumentsCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.DOCUMENTS_READ))]
QueryCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.QUERY))]
ReplyCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.REPLY))]
FeedbackCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.FEEDBACK))]
UsageCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.USAGE_READ))]
SettingsCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.SETTINGS))]
BudgetCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.BUDGET))]
PeopleCaller = Annotated[TenantCaller, Depends(_of_all)]
ExportsCaller = Annotated[TenantCaller, Depends(_of_all)]
AuditCaller = Annotated[TenantCaller, Depends(_tenant_with(Scope.AUDIT_READ))]
