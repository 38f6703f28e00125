"""JSON of tenants."""

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator, model_validator

from backend.api.schemas.base import In, Name, Out
from backend.core.model.personal import Kind, in_order


class TenantIn(In):
    """A company to onboard."""

    company_id: str = Field(description="Slug of a-z, 0-9 and -, 2 to 63 characters; never changes.", examples=["acme"])
    name: Name = Field(description="What people call the company.", examples=["Acme 주식회사"])


class TenantOut(Out):
    """A company that uses this installation."""

    company_id: str
    name: str
    created_at: datetime


KindName = Literal["email", "phone", "card", "rrn", "iban", "account", "passport", "person"]
"""A kind of personal data, as its placeholders name it."""


class SettingsIn(In):
    """Settings to change; what is left out stays."""

    masking: bool | None = Field(
        None,
        description="Whether personal data is masked before a text leaves for a provider of models. "
        "Off only where a contract allows the provider to see it; the change is written to the audit log.",
    )
    masked_kinds: list[KindName] | None = Field(
        None, min_length=1, description="Which kinds of personal data are masked where masking is on; all others are sent as they are."
    )

    helpdesk_login: bool | None = Field(
        None,
        description="Whether an agent's own credentials of a connected Freshdesk or Zendesk let them in with the role agent "
        "(`X-Platform` and its companions); the change is written to the audit log.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> "SettingsIn":
        if self.masking is None and self.masked_kinds is None and self.helpdesk_login is None:
            raise ValueError("give masking, masked_kinds, helpdesk_login or several of them")
        return self


class SettingsOut(Out):
    """How a company's data is handled."""

    masking: bool
    masked_kinds: list[KindName]
    helpdesk_login: bool

    @field_validator("masked_kinds", mode="before")
    @classmethod
    def _named(cls, kinds: frozenset[Kind]) -> list[str]:
        return [kind.lower() for kind in in_order(kinds)]


class AdminKeyIn(In):
    """The name of an admin key that the operator makes for a tenant."""

    name: Name = "first admin key"


class LeftOut(Out):
    """What was still found of a company after its deletion; all 0, else ask for the deletion again."""

    rows: int
    files: int
    points: int


class ErasedOut(Out):
    """How much of a tenant was deleted."""

    company_id: str
    documents: int
    connections: int
    keys: int
    points: int
    files: int
    left: LeftOut
