"""JSON of API keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from backend.api.schemas.base import In, Name, Out
from backend.core.model.tenant import Role, Scope

TenantRole = Literal[Role.ADMIN, Role.AGENT, Role.MEMBER, Role.VIEWER]
Scopes = Annotated[list[Scope], AfterValidator(sorted)]
"""In alphabetical order, so that the same key always looks the same."""


Groups = Annotated[tuple[Name, ...], Field(max_length=100)]
"""Groups of a helpdesk as people name them; none at all: no ticket."""


class KeyIn(In):
    """A key to make."""

    name: Name = Field(description="Where the key will be used.", examples=["Freshdesk sidebar"])
    role: TenantRole = Field(description="What the key may do at most.", examples=["agent"])
    scopes: frozenset[Scope] | None = Field(None, description="A part of the role's scopes; left out: all of them.")
    expires_at: AwareDatetime | None = Field(None, description="When the key stops working; left out: never.")
    groups: Groups | None = Field(
        None,
        description="Groups of the helpdesk whose tickets its holder may know of, by name or as `freshdesk:<id>`; left out: all tickets. "
        "Articles are not concerned.",
        examples=[["결제팀", "freshdesk:43000123456"]],
    )
    signing: bool = Field(False, description="Whether to make a secret to sign requests with, so that the key need not be sent.")
    signing_only: bool = Field(False, description="Whether the key can do nothing but sign; then there is no `api_key`.")


class KeyOut(Out):
    """A key without its secret."""

    key_id: str
    name: str
    prefix: str
    role: Role
    scopes: Scopes
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    groups: list[str] | None
    signs: bool
    signing_only: bool


class MadeKeyOut(KeyOut):
    """A new key. `api_key` and `signing_secret` are shown here and never again."""

    api_key: str | None
    signing_secret: str | None = None
    unknown_groups: list[str] = Field(
        [], description="Groups of the restriction that no ticket is in now: mistyped, or still to come.", examples=[["Billing"]]
    )
    known_groups: list[str] = Field(
        [], description="Where some are unknown: the groups that tickets are in, by name in small letters, or else by id."
    )
