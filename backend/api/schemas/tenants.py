"""JSON of tenants."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import In, Name, Out


class TenantIn(In):
    """A company to onboard."""

    company_id: str = Field(description="Slug of a-z, 0-9 and -, 2 to 63 characters; never changes.", examples=["acme"])
    name: Name = Field(description="What people call the company.", examples=["Acme 주식회사"])


class TenantOut(Out):
    """A company that uses this installation."""

    company_id: str
    name: str
    created_at: datetime


class SettingsIn(In):
    """Settings to change."""

    masking: bool = Field(
        description="Whether personal data is masked before a text leaves for a provider of models. "
        "Off only where a contract allows the provider to see it; the change is written to the audit log."
    )


class SettingsOut(Out):
    """How a company's data is handled."""

    masking: bool


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
