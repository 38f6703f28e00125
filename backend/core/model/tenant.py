"""Tenants, their API keys, and who is asking."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from backend.core import clock
from backend.core.model.personal import ALL_KINDS, Kind
from backend.core.model.provider import ModelRole, OwnProvider


class Role(StrEnum):
    """What sort of caller it is; each role is a set of scopes."""

    OPERATOR = "operator"
    ADMIN = "admin"
    AGENT = "agent"
    MEMBER = "member"
    VIEWER = "viewer"


class Scope(StrEnum):
    """One thing a caller may do."""

    TENANTS = "tenants"
    KEYS = "keys"
    CONNECTIONS = "connections"
    INGEST = "ingest"
    RUNS_READ = "runs:read"
    DOCUMENTS_READ = "documents:read"
    QUERY = "query"
    REPLY = "reply"
    FEEDBACK = "feedback"
    INTERNAL_READ = "internal:read"
    """See private notes and agents-only articles."""
    USAGE_READ = "usage:read"
    """See what models cost."""
    BUDGET = "budget"
    """Set how much models may cost."""
    AUDIT_READ = "audit:read"
    """See who did what."""
    SETTINGS = "settings"
    """Change how the company's data is handled."""


_VIEWER = frozenset({Scope.DOCUMENTS_READ, Scope.QUERY})
_MEMBER = _VIEWER | {Scope.FEEDBACK}
_AGENT = _MEMBER | {Scope.REPLY, Scope.INTERNAL_READ, Scope.RUNS_READ}
_ADMIN = _AGENT | {Scope.KEYS, Scope.CONNECTIONS, Scope.INGEST, Scope.USAGE_READ, Scope.BUDGET, Scope.AUDIT_READ, Scope.SETTINGS}
ROLE_SCOPES: Final[dict[Role, frozenset[Scope]]] = {
    Role.OPERATOR: frozenset({Scope.TENANTS}),
    Role.ADMIN: _ADMIN,
    Role.AGENT: _AGENT,
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
}


_RESTRICTED_LACK: Final = frozenset({Scope.RUNS_READ})
"""How a sync went tells how many tickets there are, and names those that failed."""


def scopes_of(role: Role, groups: Collection[str] | None) -> frozenset[Scope]:
    """What a role may do, also where its holder is restricted to groups of tickets."""
    return ROLE_SCOPES[role] if groups is None else ROLE_SCOPES[role] - _RESTRICTED_LACK


class Secret:
    """A plain secret in memory that does not print; `reveal()` is the only way to its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: call this only where the secret is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class SealedSecret(Struct, frozen=True):
    """An encrypted secret: `token` is ciphertext bound to its tenant and field, safe to store."""

    token: str

    def __repr__(self) -> str:
        return "SealedSecret(***)"


class Tenant(Struct, frozen=True, kw_only=True):
    """A company that uses this installation. `company_id` is a slug of `[a-z0-9-]`, 2 to 63 characters."""

    company_id: str
    name: str
    created_at: datetime
    sealed_data_key: SealedSecret
    """The tenant's data key, wrapped by the installation's master key."""
    masking: bool = True
    """Whether personal data is masked before a text leaves for a provider of models."""
    shown_kinds: frozenset[Kind] = frozenset()
    """Kinds of personal data that are not masked even so; one that a later version learns is masked."""
    helpdesk_login: bool = False
    """Whether an agent's own credentials of a connected helpdesk let in, beside keys (docs/authentication.md)."""
    providers: dict[ModelRole, OwnProvider] = {}
    """Models that the tenant brings itself; the installation's play all other roles."""
    provider_keys: dict[str, SealedSecret] = {}
    """Their keys by `key_id`, as the SecretStore keeps them."""

    @property
    def masked_kinds(self) -> frozenset[Kind]:
        """What is masked where `masking` is on."""
        return ALL_KINDS - self.shown_kinds


class ApiKey(Struct, frozen=True, kw_only=True):
    """A tenant's API key as stored: the key itself is known to its holder only."""

    key_id: str
    company_id: str
    name: str
    prefix: str
    """The first characters of the key, to tell keys apart on a screen."""
    key_hash: str
    role: Role
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    signing: SealedSecret | None = None
    """What requests are signed with; unlike the key itself it has to be opened again, to check them."""
    signing_only: bool = False
    """Whether nobody has the key itself, so that it can only sign."""
    groups: tuple[str, ...] | None = None
    """Groups whose tickets its holder may know of, as they were written (model/groups.py); None: all tickets."""

    @property
    def signs(self) -> bool:
        """Whether requests can be signed with it."""
        return self.signing is not None


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks. An operator has no company; everybody else has exactly one."""

    role: Role
    scopes: frozenset[Scope]
    company_id: str | None = None
    key_id: str | None = None
    subject: str | None = None
    """Who within the company, as its own system names them (from a token); None for a bare key."""
    helpdesk: str | None = None
    """The platform whose credentials proved who it is, `subject` being its agent's address; None: a key or a token did."""
    groups: frozenset[str] | None = None
    """Marks of the groups whose tickets the caller may know of; None: all tickets."""
    request_id: str | None = None
    """The request this Caller made, for the audit log."""

    def may(self, scope: Scope) -> bool:
        """Whether the caller may do this."""
        return scope in self.scopes

    @property
    def sees_internal(self) -> bool:
        """Whether private notes and agents-only articles may be shown to this caller."""
        return Scope.INTERNAL_READ in self.scopes

    @property
    def actor(self) -> str:
        """Who it is in audit entries and feedback: `operator`, `key:<key_id>`, `token:<subject>` or `freshdesk:<address>`."""
        if self.role is Role.OPERATOR:
            return "operator"
        if self.helpdesk:
            return f"{self.helpdesk}:{self.subject}"
        return f"token:{self.subject}" if self.subject else f"key:{self.key_id}"

    def audited(self, action: str, target: str, **details: str) -> "AuditEntry":
        """What the audit log keeps of something this caller does now."""
        return AuditEntry(at=clock.now(), actor=self.actor, action=action, target=target, details=details, request_id=self.request_id)


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One thing somebody did: `action` is `noun.verb`, `target` an id, never a secret."""

    at: datetime
    actor: str
    """See `Caller.actor`."""
    action: str
    target: str
    details: dict[str, str] = {}
    request_id: str | None = None
