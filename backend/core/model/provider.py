"""Which model a tenant brings itself, for which role (SPEC C6)."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

KEPT_AS: Final = "models"
"""What the SecretStore is told in place of a platform for keys of models."""
OFFLINE: Final = "offline"
"""The provider on this machine."""


class ModelRole(StrEnum):
    """What a model is asked for."""

    SUMMARIZE = "summarize"
    GENERATE = "generate"
    REASON = "reason"
    EMBED = "embed"


class OwnProvider(Struct, frozen=True, kw_only=True):
    """A model of a tenant's own, for one role. Its key is kept as credentials of connections are, and not in here."""

    provider: str
    """`offline`, `openai`, `anthropic` or `google`."""
    model: str
    base_url: str | None = None
    """Another address than the provider's own."""
    fallback: bool = False
    """Whether the installation's model is asked where this one is down; else the tenant's texts go to nobody else."""
    key_id: str = ""
    """Under which id its key is kept; empty: it has none."""
    set_at: datetime
    """Also what tells processes that it was set anew."""

    @property
    def has_key(self) -> bool:
        """Whether a key of the tenant is kept for it."""
        return bool(self.key_id)
