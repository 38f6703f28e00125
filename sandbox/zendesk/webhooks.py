"""Webhooks and the triggers that call them, for administrators.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/,
https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/
"""

import orjson

from sandbox.data.model import Json
from sandbox.hooks import Hook
from sandbox.wire import Answer, Ask
from sandbox.zendesk.hooks import new_hook
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import denied, invalid, missing, paged

BY_TRIGGER = "conditional_ticket_events"
_MOST = 10
#: Of a trial account.


def handles(path: str) -> bool:
    """Whether a path below the API is one of these."""
    return path.split("/")[1:2] in (["webhooks"], ["triggers"])


def answer(site: Site, ask: Ask, path: str) -> Answer:
    """Answer a request below `/webhooks` or `/triggers`. Raises Refusal."""
    if ask.role != "admin":
        raise denied()
    kind, *rest = path.strip("/").split("/")
    if kind == "triggers":
        return _triggers(site, ask, rest)
    match ask.method, rest:
        case "GET", []:
            return _list(site, ask)
        case "POST", []:
            return _create(site, ask.json().get("webhook"))
        case "GET", [number, "signing_secret"]:
            secret = _found(site, number)[1].secret
            return Answer(body=orjson.dumps({"signing_secret": {"algorithm": "SHA256", "secret": secret}}))
        case "GET", [number]:
            return Answer(body=orjson.dumps({"webhook": _found(site, number)[0]}))
        case "DELETE", [number]:
            return _delete(site, number)
        case _:
            raise missing("InvalidEndpoint")


def _list(site: Site, ask: Ask) -> Answer:
    part = ask.query.get("filter[name_contains]", "")
    return paged(site, ask, "webhooks", [each for each, _ in site.rules.webhooks.values() if part in each["name"]])


def _create(site: Site, wanted: object) -> Answer:
    if not isinstance(wanted, dict) or not all(
        wanted.get(name) for name in ("name", "endpoint", "http_method", "request_format", "status")
    ):
        raise invalid("webhook: name, endpoint, http_method, request_format and status are needed", 400)
    subscriptions = wanted.get("subscriptions") or []
    if subscriptions != [BY_TRIGGER] and (BY_TRIGGER in subscriptions or not site.rules.has_events):
        raise invalid("subscriptions: this can't be subscribed to", 400)
    if len(site.rules.webhooks) >= _MOST:
        raise invalid("The account has as many webhooks as it may have", 422)
    site.rules.made += 1
    number = f"01SANDBOX{site.rules.made:017d}"
    hook = new_hook(str(wanted["endpoint"]))
    made: Json = {**wanted, "id": number, "subscriptions": subscriptions, "created_by": str(site.admin_id)}
    site.rules.webhooks[number] = (made, hook)
    if subscriptions and subscriptions != [BY_TRIGGER]:
        site.hooks.add(hook)
    return Answer(201, orjson.dumps({"webhook": made}))


def _delete(site: Site, number: str) -> Answer:
    _, hook = _found(site, number)
    if any(number in str(trigger["actions"]) for trigger in site.rules.triggers.values()):
        raise invalid("The webhook is used by a trigger", 422)
    del site.rules.webhooks[number]
    site.hooks.remove(hook)
    return Answer(204)


def _triggers(site: Site, ask: Ask, rest: list[str]) -> Answer:
    match ask.method, rest:
        case "GET", ["search"]:
            wanted = ask.query.get("query", "")
            found = [each for each in site.rules.triggers.values() if wanted in each["title"]]
            return Answer(body=orjson.dumps({"triggers": found, "count": len(found), "next_page": None, "previous_page": None}))
        case "POST", []:
            return _make_trigger(site, ask.json().get("trigger"))
        case "DELETE", [number] if number.isdecimal() and int(number) in site.rules.triggers:
            trigger = site.rules.triggers.pop(int(number))
            for webhook_id in _called(trigger):
                site.hooks.remove(_found(site, webhook_id)[1])
            return Answer(204)
        case _:
            raise missing()


def _make_trigger(site: Site, wanted: object) -> Answer:
    if not isinstance(wanted, dict) or not wanted.get("title") or not wanted.get("actions") or not wanted.get("conditions"):
        raise invalid("Trigger: title, conditions and actions are needed")
    site.rules.made += 1
    made: Json = {**wanted, "id": site.rules.made}
    for webhook_id in _called(made):
        site.hooks.add(_found(site, webhook_id)[1])
    site.rules.triggers[site.rules.made] = made
    return Answer(201, orjson.dumps({"trigger": made}))


def _called(trigger: Json) -> list[str]:
    return [str(action["value"][0]) for action in trigger["actions"] if action.get("field") == "notification_webhook"]


def _found(site: Site, number: str) -> tuple[Json, Hook]:
    found = site.rules.webhooks.get(number)
    if found is None:
        raise missing()
    return found
