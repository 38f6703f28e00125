"""JSON of access tokens and of who is asking."""

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from backend.api.schemas.base import Id, In, Out
from backend.api.schemas.keys import Groups, Scopes, TenantRole
from backend.core.model.groups import named
from backend.core.model.tenant import Role, Scope


class TokenIn(In):
    """A token to make from the API key of this request."""

    subject: Id = Field(description="Who will hold it, as your own system names them.", examples=["agent-42"])
    role: TenantRole | None = Field(None, description="Not stronger than the key's; left out: the key's own.")
    scopes: frozenset[Scope] | None = Field(None, description="A part of the role's scopes; left out: all the key has of them.")
    groups: Groups | None = Field(
        None,
        description="Groups of the helpdesk whose tickets its holder may know of, within those of the key; left out: those of the key.",
    )


class TokenOut(Out):
    """A new access token: send it as `Authorization: Bearer`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme (RFC 6750)
    role: Role
    scopes: Scopes
    expires_at: datetime
    unknown_groups: list[str] = Field([], description="Of the groups of this request those that no ticket is in now.")


class MeOut(Out):
    """Who this key, token or helpdesk credential belongs to."""

    role: Role
    scopes: Scopes
    company_id: str | None
    key_id: str | None
    subject: str | None
    helpdesk: str | None
    groups: list[str] | None

    @field_validator("groups", mode="before")
    @classmethod
    def _readable(cls, groups: frozenset[str] | None) -> list[str] | None:
        return None if groups is None else named(groups)
