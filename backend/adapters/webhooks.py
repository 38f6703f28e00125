"""Which platforms' webhooks are understood."""

from collections.abc import Mapping
from typing import Final

from backend.adapters.freshdesk.webhook import FreshdeskWebhook
from backend.adapters.zendesk.webhook import ZendeskWebhook
from backend.core.ports.webhook import WebhookFormat

WEBHOOKS: Final[Mapping[str, WebhookFormat]] = {"freshdesk": FreshdeskWebhook(), "zendesk": ZendeskWebhook()}
