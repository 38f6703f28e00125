"""A tenant's link to one helpdesk."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from backend.core.model.schedule import Schedule
from backend.core.model.tenant import SealedSecret, Secret
from backend.core.model.webhook import Registration


class ConnectionState(StrEnum):
    """Whether a connection is synced."""

    ACTIVE = "active"
    PAUSED = "paused"
    """An admin paused it."""
    BROKEN = "broken"
    """The helpdesk rejects it; an admin has to act, see `state_reason`."""


class Ability(Struct, frozen=True, kw_only=True):
    """One thing the credentials can or can't read, told at onboarding (SPEC A9)."""

    name: str
    """`tickets`, `conversations`, `articles`, `contacts`, `agents`, …"""
    ok: bool
    message: str = ""


class CredentialReport(Struct, frozen=True, kw_only=True):
    """What verifying the credentials found."""

    account_name: str
    agent_name: str
    agent_email: str
    abilities: tuple[Ability, ...] = ()
    warnings: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """Ids of the groups whose tickets their owner may see there; None: every ticket; empty: some, and groups don't tell which."""


class Webhook(Struct, frozen=True, kw_only=True):
    """What the helpdesk proves with that it is the one that tells of a change."""

    secret: SealedSecret
    set_at: datetime
    registration: Registration | None = None
    """Where it was made over the helpdesk's API; None: an admin entered it."""

    @property
    def registered(self) -> bool:
        """Whether it was made over the helpdesk's API."""
        return self.registration is not None


class Connection(Struct, frozen=True, kw_only=True):
    """A tenant's link to one helpdesk: where it is, sealed credentials, state."""

    connection_id: str
    platform: str
    domain: str
    """The helpdesk's host, such as `acme.freshdesk.com`."""
    base_url: str | None = None
    """Set only where the operator's allow-list permits another host, such as the sandbox."""
    credentials: SealedSecret
    state: ConnectionState = ConnectionState.ACTIVE
    state_reason: str = ""
    created_at: datetime
    verified_at: datetime | None = None
    last_synced_at: datetime | None = None
    reconciled_at: datetime | None = None
    """When all its tickets were last listed and compared with what is stored."""
    compacted_at: datetime | None = None
    """When old payloads were last taken out of its archive."""
    report: CredentialReport | None = None
    schedule: Schedule | None = None
    """None: synced only when somebody asks."""
    next_run_at: datetime | None = None
    """When the schedule starts the next run; None while there is none or the connection is not active."""
    webhook: Webhook | None = None
    """None: the helpdesk tells of nothing by itself."""


class SourceSettings(Struct, frozen=True, kw_only=True):
    """All an adapter needs to open a Source; credentials are plain here and nowhere else."""

    company_id: str
    connection_id: str
    platform: str
    domain: str
    base_url: str | None
    credentials: dict[str, Secret]
    """For Freshdesk: `{"api_key": …}`."""
