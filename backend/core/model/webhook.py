"""What a helpdesk tells of by itself: a delivery as it comes in, the items it names, and how to set it up."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from backend.core.model.document import DocType
from backend.core.model.tenant import Secret


class Delivery(Struct, frozen=True, kw_only=True):
    """A webhook's request, byte for byte as it was signed."""

    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


class Nudge(Struct, frozen=True, kw_only=True):
    """Something changed at an item: it is read anew, and what is found there is what counts."""

    connection_id: str
    doc_type: DocType
    original_id: str
    at: datetime
    """When it was noted first; more that is told of it until it is read doesn't move this."""
    mark: str = ""
    """Another one each time the item is told of."""


class Guide(Struct, frozen=True, kw_only=True):
    """What an admin enters on the helpdesk."""

    header: str
    """Name of the header that carries the secret; empty where the platform signs instead."""
    body: str
    """What the webhook has to send."""
    steps_ko: tuple[str, ...]
    steps_en: tuple[str, ...]


class OpenedWebhook(Struct, frozen=True, kw_only=True):
    """A connection's webhook as it is shown once."""

    connection_id: str
    platform: str
    path: str
    """Of the address the helpdesk calls, behind the API's own."""
    ready: bool
    """Whether deliveries can be checked: false until a secret that the platform makes was entered here."""
    secret: str | None
    """Shown this once; None where the platform made it."""
    rotated: bool
    guide: Guide


class Registration(Struct, frozen=True, kw_only=True):
    """A webhook that was made at the helpdesk for a connection, so that it can be taken away again."""

    webhook_id: str
    trigger_id: str = ""
    """Of the rule that calls it, where one had to be made."""
    url: str


class Registered(Struct, frozen=True, kw_only=True):
    """What making a webhook at the helpdesk came to."""

    registration: Registration
    secret: Secret
    """What the helpdesk signs with."""
    created: bool
    """False: it had been made before."""


def field_of(connection_id: str) -> str:
    """What a webhook's secret is sealed for."""
    return f"webhook/{connection_id}"
