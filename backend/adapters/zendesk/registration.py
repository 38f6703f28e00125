"""Make a webhook at Zendesk and take it away again: once for each connection, however often it is asked for.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/ and
https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/. A webhook is known by its name, which is that of
the connection: one that was made before we died is found again.
"""

from collections.abc import Mapping
from typing import Any, Final

from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, child, ident, records, text
from backend.adapters.zendesk.webhook import BODY
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Registered, Registration

_BY_TRIGGER: Final = "conditional_ticket_events"
"""The subscription of a webhook that a trigger calls; such a one can have no other."""
_CHANGES: Final = (
    *("created", "comment_added", "comment_made_private", "comment_redacted", "attachment_linked_to_comment"),
    *("attachment_redacted_from_comment", "status_changed", "custom_status_changed", "subject_changed", "description_changed"),
    *("priority_changed", "tags_changed", "type_changed", "custom_field_changed", "group_assignment_changed"),
    *("organization_changed", "requester_changed", "brand_changed", "merged", "marked_as_spam", "soft_deleted"),
    *("permanently_deleted", "undeleted"),
)
"""What may change a Document (https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/)."""
EVENTS: Final = (
    *(f"zen:event-type:ticket.{change}" for change in _CHANGES),
    "zen:event-type:article.published",
    "zen:event-type:article.unpublished",
)
_REFUSED: Final = (
    "These credentials may not set webhooks up at Zendesk. That takes an administrator's API token, or an OAuth token with the scopes "
    "`read`, `webhooks:write` and `triggers:write`. Connect such a one, or enter the webhook by hand: desklore connections webhook {name}"
)
_LOCAL: Final = "Zendesk can't call {url}: it needs a public https address. Set DESKLORE_PUBLIC_URL to the one under which it is reached."


class Webhooks:
    """The webhooks and triggers of one account."""

    def __init__(self, client: ZendeskClient) -> None:
        self._client = client

    async def register(self, connection_id: str, url: str, *, checked: bool) -> Registered:
        """Make it, or find the one made before, and ask for its secret.

        With `checked` the address has to be one that Zendesk takes. Raises INVALID_REQUEST, SOURCE_PERMISSION_MISSING with what to
        do, and whatever the API does.
        """
        if checked and not url.startswith("https://"):
            raise AppError(Code.INVALID_REQUEST, _LOCAL.format(url=url))
        name = f"Desklore {connection_id}"
        try:
            made, others = _chosen(await self._named(name), url)
            for other in others:
                await self._remove(f"/webhooks/{other}")
            webhook = made or await self._create(name, url)
            webhook_id = text(webhook, "id")
            trigger_id = await self._trigger(name, webhook_id) if _BY_TRIGGER in _subscriptions(webhook) else ""
            body = await self._client.call("GET", f"/webhooks/{webhook_id}/signing_secret")
        except AppError as error:
            if error.code is Code.SOURCE_PERMISSION_MISSING:
                raise AppError(error.code, _REFUSED.format(name=connection_id)) from None
            raise
        secret = text(child(body, "signing_secret"), "secret")
        if not webhook_id or not secret:
            raise AppError(Code.SOURCE_MALFORMED, "Zendesk made a webhook and told no signing secret. Try again, or enter it by hand.")
        registration = Registration(webhook_id=webhook_id, trigger_id=trigger_id, url=url)
        return Registered(registration=registration, secret=Secret(secret), created=made is None)

    async def unregister(self, registration: Registration) -> None:
        """Take trigger and webhook away; what is not there any more is no error."""
        if registration.trigger_id:
            # First: a webhook that a trigger still calls can't be deleted.
            await self._remove(f"/triggers/{registration.trigger_id}")
        await self._remove(f"/webhooks/{registration.webhook_id}")

    async def _named(self, name: str) -> list[Record]:
        found = await self._client.everything("/webhooks", "webhooks", {"filter[name_contains]": name})
        return [each for each in found if text(each, "name") == name]

    async def _create(self, name: str, url: str) -> Record:
        wanted = {"name": name, "endpoint": url, "http_method": "POST", "request_format": "json", "status": "active"}
        try:
            return child(await self._client.call("POST", "/webhooks", {"webhook": wanted | {"subscriptions": list(EVENTS)}}), "webhook")
        except AppError as error:
            if error.code is not Code.SOURCE_REQUEST_REFUSED:
                raise
        # The plan has no events: a trigger tells of what is created and updated, and schedules find what is deleted.
        return child(await self._client.call("POST", "/webhooks", {"webhook": wanted | {"subscriptions": [_BY_TRIGGER]}}), "webhook")

    async def _trigger(self, title: str, webhook_id: str) -> str:
        found = records(await self._client.call("GET", "/triggers/search", query={"query": title}), "triggers")
        known = next((ident(each, "id") for each in found if text(each, "title") == title), None)
        if known:
            return known
        conditions = [{"field": "update_type", "operator": "is", "value": kind} for kind in ("Create", "Change")]
        actions = [{"field": "notification_webhook", "value": [webhook_id, BODY]}]
        trigger = {"title": title, "conditions": {"all": [], "any": conditions}, "actions": actions, "active": True}
        return ident(child(await self._client.call("POST", "/triggers", {"trigger": trigger}), "trigger"), "id") or ""

    async def _remove(self, path: str) -> None:
        try:
            await self._client.call("DELETE", path)
        except AppError as error:
            if error.code is not Code.SOURCE_ITEM_NOT_FOUND:
                raise


def _chosen(named: list[Record], url: str) -> tuple[Record | None, list[str]]:
    """The webhook that calls this address, and the ids of others of its name: the address was another one then."""
    made = next((each for each in named if text(each, "endpoint") == url and text(each, "status") != "inactive"), None)
    return made, [text(each, "id") for each in named if each is not made]


def _subscriptions(webhook: Mapping[str, Any]) -> list[Any]:
    found = webhook.get("subscriptions")
    return found if isinstance(found, list) else []
