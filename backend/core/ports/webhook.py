"""What an adapter knows of its platform's webhooks (SPEC A8): who sent one, what it names, how to set it up."""

from datetime import datetime
from typing import Protocol, runtime_checkable

from backend.core.model.document import DocType
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Delivery, Guide, Registered, Registration


@runtime_checkable
class RegistersWebhooks(Protocol):
    """A Source whose helpdesk lets webhooks be made over its API."""

    async def register_webhook(self, connection_id: str, url: str) -> Registered:
        """Have the helpdesk call `url` at every change; the same again changes nothing.

        Raises INVALID_REQUEST for an address it can't call, SOURCE_PERMISSION_MISSING with what to do, and SOURCE_* codes.
        """
        ...

    async def unregister_webhook(self, registration: Registration) -> None:
        """Take it away; what is gone already is no error. Raises SOURCE_* codes."""
        ...


class WebhookFormat(Protocol):
    """One platform's webhooks. Pure: it reads and writes nothing."""

    @property
    def makes_secret(self) -> bool:
        """Whether the platform makes the secret and shows it to the admin, instead of being told ours."""
        ...

    def check(self, delivery: Delivery, secret: Secret, now: datetime) -> str:
        """Make sure that who knows the secret sent this, and lately; returns what tells this delivery from all others.

        Empty where the platform signs nothing that would tell. Raises WEBHOOK_REJECTED, whatever is wrong.
        """
        ...

    def items(self, body: bytes) -> tuple[tuple[DocType, str], ...]:
        """The items it tells of, by their original ids; none where it tells of something else.

        Raises UNREADABLE_BODY or INVALID_REQUEST.
        """
        ...

    def guide(self, url: str) -> Guide:
        """What an admin has to enter on the helpdesk so that it calls `url`."""
        ...
