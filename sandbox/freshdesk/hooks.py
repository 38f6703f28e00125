"""What an automation rule with the action 'Trigger webhook' sends: a header and a body as the admin wrote them."""

import json

from sandbox.hooks import Hook


def render(hook: Hook, ticket_id: int, event: str, number: int) -> tuple[dict[str, str], bytes]:  # noqa: ARG001 - a rule knows neither
    """The body `{"ticket_id": "{{ticket.id}}"}` with its placeholder filled in."""
    return {hook.header: hook.secret, "user-agent": "Freshdesk"}, json.dumps({"ticket_id": str(ticket_id)}).encode()
