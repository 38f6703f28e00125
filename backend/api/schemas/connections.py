"""JSON of connections; what comes in holds secrets, what goes out never does."""

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from backend.api.schemas.base import Id, In, Out
from backend.api.schemas.webhooks import WebhookStateOut
from backend.core.model.connection import ConnectionState
from backend.core.model.schedule import LEAST_SECONDS, MOST_SECONDS


class ConnectionIn(In):
    """A helpdesk and the credentials for it."""

    platform: Id = Field(examples=["freshdesk", "zendesk"])
    domain: str = Field(min_length=1, max_length=253, description="The helpdesk's host.", examples=["acme.freshdesk.com"])
    base_url: str | None = Field(
        None, max_length=500, description="Another address than the platform's own; only where the operator's allow-list has its host."
    )
    credentials: dict[str, SecretStr] = Field(
        description="What the platform needs.", examples=[{"api_key": "…"}, {"email": "…", "api_token": "…"}, {"oauth_token": "…"}]
    )


class ConnectionPatch(In):
    """What to change."""

    state: Literal[ConnectionState.ACTIVE, ConnectionState.PAUSED] | None = Field(None, description="`paused` pauses, `active` resumes.")
    credentials: dict[str, SecretStr] | None = Field(None, description="New credentials; verified before they replace the old ones.")

    @model_validator(mode="after")
    def _not_empty(self) -> "ConnectionPatch":
        if self.state is None and self.credentials is None:
            raise ValueError("name what to change: state, credentials or both")
        return self


class AbilityOut(Out):
    """One thing the credentials can or can't read."""

    name: str
    ok: bool
    message: str


class ReportOut(Out):
    """What verifying the credentials found."""

    account_name: str
    agent_name: str
    agent_email: str
    abilities: list[AbilityOut]
    warnings: list[str]


class ScheduleIn(In):
    """When to sync by itself: either an interval or a cron expression."""

    every_minutes: float | None = Field(
        None, gt=0, le=MOST_SECONDS / 60, description=f"Every so many minutes, at least {LEAST_SECONDS // 60}.", examples=[15]
    )
    cron: str | None = Field(
        None,
        max_length=100,
        description=f"Minute, hour, day of month, month, weekday; at most every {LEAST_SECONDS // 60} minutes.",
        examples=["0 3 * * *"],
    )
    timezone: str = Field("UTC", max_length=60, description="IANA zone the cron expression is read in.", examples=["Asia/Seoul"])


class ScheduleOut(Out):
    """When a connection is synced by itself."""

    every_seconds: int | None
    cron: str | None
    timezone: str


class ConnectionOut(Out):
    """A tenant's link to one helpdesk, without its credentials."""

    connection_id: str
    platform: str
    domain: str
    base_url: str | None
    state: ConnectionState
    state_reason: str
    created_at: datetime
    verified_at: datetime | None
    last_synced_at: datetime | None
    reconciled_at: datetime | None
    schedule: ScheduleOut | None
    next_run_at: datetime | None
    webhook: WebhookStateOut | None = Field(description="Null while the helpdesk tells of nothing by itself.")
    report: ReportOut | None


class DisconnectedOut(Out):
    """What was deleted with a connection."""

    connection_id: str
    documents: int
    files: int
    webhook_left: str = Field(description="A webhook that could not be taken away at the helpdesk; remove it there. Empty: none.")
