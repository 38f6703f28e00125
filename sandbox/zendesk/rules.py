"""Webhooks and triggers that an account has."""

from dataclasses import dataclass, field

from sandbox.data.model import Json
from sandbox.hooks import Hook


@dataclass
class Rules:
    """What administrators set up."""

    webhooks: dict[str, tuple[Json, Hook]] = field(default_factory=dict)
    triggers: dict[int, Json] = field(default_factory=dict)
    has_events: bool = True
    """Whether the plan knows webhooks that subscribe to events."""
    made: int = 0
    """Counts what was made, so that no id comes twice."""
