"""Models that a company brings itself, a role at a time: tried before they are kept, their keys sealed (SPEC C6)."""

from typing import Final

import msgspec
from msgspec import Struct

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.model.auth import TenantCaller
from backend.core.model.budget import Purpose, UsageRow
from backend.core.model.job import processing
from backend.core.model.provider import KEPT_AS, OFFLINE, ModelRole, OwnProvider
from backend.core.model.tenant import AuditEntry, SealedSecret, Secret, Tenant
from backend.core.ports.llm import ChatModel, CircuitState, CircuitView, Embedder
from backend.core.ports.required import no_tenant, tenant_of
from backend.core.ports.services import Services

_PURPOSES: Final = {ModelRole.SUMMARIZE: Purpose.SUMMARY, ModelRole.GENERATE: Purpose.ANSWER, ModelRole.REASON: Purpose.RERANK}
"""Under which the call is booked that tries a model."""


class ProviderInput(Struct, frozen=True, kw_only=True):
    """A model for a role."""

    provider: str
    model: str = ""
    base_url: str | None = None
    key: Secret | None = None
    """None keeps the one there is, where provider and base URL stay as they are."""
    fallback: bool = False


class Trouble(Struct, frozen=True, kw_only=True):
    """What a model's last call failed with."""

    code: str
    message: str


class RoleModel(Struct, frozen=True, kw_only=True):
    """Which model plays a role for a company."""

    role: ModelRole
    own: OwnProvider | None
    """None: the installation's."""
    provider: str
    model: str
    state: CircuitState = CircuitState.CLOSED
    """Of a model of its own, as this process sees it."""
    trouble: Trouble | None = None


async def list_providers(services: Services, company_id: str) -> list[RoleModel]:
    """The model of every role, and how those of the company's own are. Raises TENANT_NOT_FOUND."""
    tenant = await tenant_of(services.database, company_id)
    models = services.models
    roles: dict[ModelRole, ChatModel | Embedder] = {
        ModelRole.SUMMARIZE: models.summarize,
        ModelRole.GENERATE: models.generate,
        ModelRole.REASON: models.reason,
        ModelRole.EMBED: models.embed,
    }
    circuits = services.own.circuits(tenant)
    return [_role_model(role, installed, tenant.providers.get(role), circuits.get(role)) for role, installed in roles.items()]


def _role_model(role: ModelRole, installed: ChatModel | Embedder, own: OwnProvider | None, circuit: CircuitView | None) -> RoleModel:
    shown = own or installed
    provider, model = shown.provider, shown.model
    if circuit is None:
        return RoleModel(role=role, own=own, provider=provider, model=model)
    error = circuit.trouble
    trouble = None if error is None else Trouble(code=error.code.value, message=error.message)
    return RoleModel(role=role, own=own, provider=provider, model=model, state=circuit.state, trouble=trouble)


async def set_provider(services: Services, caller: TenantCaller, role: ModelRole, given: ProviderInput) -> None:
    """Have this model play the role from the next call on, in every process; it is asked once before it is kept, which is booked.

    Raises FORBIDDEN, INVALID_REQUEST, HOST_NOT_ALLOWED or an LLM_* code, and nothing is changed; TENANT_NOT_FOUND.
    """
    if role is ModelRole.EMBED:
        raise AppError(
            Code.INVALID_REQUEST,
            "A company can't bring its own model for embed: vectors of all companies are made by the installation's, with which the index "
            "is built. Choose summarize, generate or reason.",
        )
    tenant = await tenant_of(services.database, caller.company_id)
    before = tenant.providers.get(role)
    wanted = OwnProvider(provider=given.provider, model=given.model, base_url=given.base_url, fallback=given.fallback, set_at=clock.now())
    key, key_id = given.key, ""
    if key is not None:
        _check_key(key)
    elif before is not None and before.has_key and (before.provider, before.base_url) == (given.provider, given.base_url):
        # Elsewhere a kept key is never sent: whoever may change the address need not know it.
        key, key_id = await services.secrets.open(tenant, KEPT_AS, before.key_id, tenant.provider_keys[before.key_id]), before.key_id
    await services.own.check(wanted, key)
    if wanted.provider != OFFLINE:
        await _ask(services, caller.company_id, role, wanted, key)
    sealed = None
    if key is not None and not key_id:
        key_id = ids.new_id("provider")
        # Only what works is kept, as with connections: a secret elsewhere is in no transaction of ours.
        sealed = await services.secrets.keep(tenant, KEPT_AS, key_id, key)
    wanted = msgspec.structs.replace(wanted, key_id=key_id)
    try:
        await _put(services, caller, role, wanted, sealed=sealed, before=before)
    except AppError:
        if sealed is not None:
            await services.secrets.forget(caller.company_id, KEPT_AS, key_id)
        raise
    if before is not None and before.has_key and before.key_id != key_id:
        await services.secrets.forget(caller.company_id, KEPT_AS, before.key_id)
    await _go_on(services, caller.company_id)


async def clear_provider(services: Services, caller: TenantCaller, role: ModelRole) -> None:
    """Go back to the installation's model for this role, and forget the key. Interrupted anywhere, it can be asked for again.

    Raises TENANT_NOT_FOUND, and INVALID_REQUEST where it was set meanwhile.
    """
    tenant = await tenant_of(services.database, caller.company_id)
    own = tenant.providers.get(role)
    if own is None:
        return
    if own.has_key:
        await services.secrets.forget(caller.company_id, KEPT_AS, own.key_id)
    await _put(services, caller, role, None, sealed=None, before=own)
    await _go_on(services, caller.company_id)


async def _go_on(services: Services, company_id: str) -> None:
    """What waited for a model that was down is tried again now."""
    async with services.database.open(company_id) as uow:
        uow.enqueue(processing(company_id))


async def _ask(services: Services, company_id: str, role: ModelRole, wanted: OwnProvider, key: Secret | None) -> None:
    completion = await services.own.ask(wanted, key)
    row = UsageRow(
        day=clock.now().date(), provider=completion.provider, model=completion.model, purpose=_PURPOSES[role], usage=completion.usage
    )
    async with services.database.open(company_id) as uow:
        await uow.usage.add([row])


async def _put(
    services: Services,
    caller: TenantCaller,
    role: ModelRole,
    wanted: OwnProvider | None,
    *,
    sealed: SealedSecret | None,
    before: OwnProvider | None,
) -> None:
    """Write it, or with None take away what is there, unless somebody else was faster."""
    async with services.database.directory() as directory:
        current = await directory.lock_tenant(caller.company_id)
        if current is None:
            raise no_tenant(caller.company_id)
        if current.providers.get(role) != before:
            raise AppError(Code.INVALID_REQUEST, "Somebody else set this role meanwhile; look at it, then set it again.")
        if told := wanted or before:
            await directory.audit(_entry(caller, "provider.clear" if wanted is None else "provider.set", role, told), caller.company_id)
        await directory.put_tenant(_changed(current, role, wanted, sealed))


def _changed(tenant: Tenant, role: ModelRole, own: OwnProvider | None, sealed: SealedSecret | None) -> Tenant:
    """The tenant with this model in the role, and without keys that no role has any more."""
    providers = {name: each for name, each in tenant.providers.items() if name is not role}
    keys = dict(tenant.provider_keys)
    if own is not None:
        providers[role] = own
        if sealed is not None:
            keys[own.key_id] = sealed
    used = {each.key_id for each in providers.values()}
    kept = {key_id: key for key_id, key in keys.items() if key_id in used}
    return msgspec.structs.replace(tenant, providers=providers, provider_keys=kept)


def _check_key(key: Secret) -> None:
    plain = key.reveal()
    if not plain or not plain.isascii() or not plain.isprintable() or " " in plain:
        raise AppError(Code.INVALID_REQUEST, "api_key is empty, or has characters that no key has; copy it again.")


def _entry(caller: TenantCaller, action: str, role: ModelRole, own: OwnProvider) -> AuditEntry:
    details = {"provider": own.provider, "model": own.model, "fallback": "on" if own.fallback else "off"}
    if own.base_url is not None:
        details["base_url"] = own.base_url
    return caller.audited(action, role.value, **details)
