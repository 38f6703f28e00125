"""JSON of a company's own models; keys go in and never come out."""

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from backend.api.schemas.base import In, Out
from backend.core.model.provider import ModelRole
from backend.core.ports.llm import CircuitState


class ProviderIn(In):
    """The model that shall play a role."""

    provider: Literal["offline", "openai", "anthropic", "google"] = Field(
        description="`openai` also for every compatible server. `offline` runs on Desklore's own machine: nothing leaves it."
    )
    model: str = Field("", max_length=200, pattern=r"^[A-Za-z0-9_.:/@+-]*$", description="The model's name; none with `offline`.")
    base_url: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="Another address than the provider's own: https and public, or on the operator's allow-list.",
        examples=["https://llm.example.com/v1"],
    )
    api_key: SecretStr | None = Field(
        None, max_length=1_000, description="Left out: the key that is kept stays, if provider and base_url stay as they are."
    )
    fallback: bool = Field(
        False, description="Whether the installation's model is asked where this one is down; else texts go to nobody else."
    )


class TroubleOut(Out):
    """What a model's last call failed with."""

    code: str
    message: str


class OwnProviderOut(Out):
    """What the company set."""

    base_url: str | None
    has_key: bool
    fallback: bool
    set_at: datetime


class RoleModelOut(Out):
    """Which model plays a role."""

    role: ModelRole
    provider: str
    model: str
    own: OwnProviderOut | None = Field(description="Null: the installation's model plays the role.")
    state: CircuitState = Field(description="Of an own model, as this process sees it; `open`: it failed too often and is left alone.")
    trouble: TroubleOut | None = Field(description="What the last call of an own model failed with; null where it worked.")
