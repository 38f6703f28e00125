"""What a webhook with event subscriptions sends: the event, signed (https://developer.zendesk.com/documentation/webhooks/verifying/)."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid

from sandbox.hooks import Hook

ACCOUNT_ID = 123456


def new_hook(url: str) -> Hook:
    """A webhook with the signing secret that Zendesk makes for it."""
    return Hook(url=url, secret=base64.b64encode(secrets.token_bytes(40)).decode())


def render(hook: Hook, ticket_id: int, event: str, number: int) -> tuple[dict[str, str], bytes]:
    """An event as https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/ shows it, and its signature."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    told = {
        "account_id": ACCOUNT_ID,
        "detail": {"id": str(ticket_id), "is_public": True, "updated_at": at},
        "event": {},
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        "subject": f"zen:ticket:{ticket_id}",
        "time": at,
        "type": f"zen:event-type:ticket.{event}",
        "zendesk_event_version": "2022-11-06",
    }
    body = json.dumps(told).encode()
    signature = base64.b64encode(hmac.new(hook.secret.encode(), at.encode() + body, hashlib.sha256).digest()).decode()
    headers = {
        "x-zendesk-account-id": str(ACCOUNT_ID),
        "x-zendesk-webhook-id": "01SANDBOXWEBHOOK",
        "x-zendesk-webhook-invocation-id": f"01SANDBOX{number:017d}",
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": at,
    }
    return headers, body
