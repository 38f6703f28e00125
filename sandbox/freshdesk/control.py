"""The remote control under `/_sandbox/`: change data, order faults, read counters. Loopback only, with its own key."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.freshdesk import change
from sandbox.freshdesk.faults import KINDS, Fault
from sandbox.freshdesk.render import ticket_core
from sandbox.freshdesk.wire import Answer, Ask, Refusal, failure, invalid, missing, ok
from sandbox.hooks import Hook

if TYPE_CHECKING:
    from sandbox.freshdesk.site import Site

PREFIX = "/_sandbox"
HEADER = b"x-sandbox-control"
LOOPBACK = {"127.0.0.1", "::1", "localhost", "testclient"}
Handler = Callable[["Site", Ask], object]


def control(site: "Site", ask: Ask, client: str | None) -> Answer:
    """Answer a control request; anybody without the key or from another machine is told that nothing is here."""
    key = ask.headers.get(HEADER, b"").decode("latin-1")
    if client not in LOOPBACK or key != site.options.control_key:
        return Answer(404)
    handler = _HANDLERS.get((ask.method, ask.shape.removeprefix(PREFIX)))
    if handler is None:
        return failure(404, "unknown_control", f"No such control: {ask.method} {ask.path}")
    try:
        return ok(handler(site, ask))
    except Refusal as refusal:
        return refusal.answer


def _int(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int):
        raise invalid(name, "It should be an Integer", "datatype_mismatch")
    return value


def _create(site: "Site", ask: Ask) -> object:
    return ticket_core(site.account, change.create(site, ask.json()))


def _update(site: "Site", ask: Ask) -> object:
    return ticket_core(site.account, change.update(site, ask.ids[0], ask.json()))


def _state(name: str) -> Handler:
    def handler(site: "Site", ask: Ask) -> object:
        return ticket_core(site.account, change.set_state(site, ask.ids[0], name))

    return handler


def _vanish(site: "Site", ask: Ask) -> object:
    change.vanish(site, ask.ids[0])
    return {"gone": ask.ids[0]}


def _merge(site: "Site", ask: Ask) -> object:
    target = _int(ask.json(), "into")
    change.merge(site, target, [ask.ids[0]])
    return {"merged": ask.ids[0], "into": target}


def _add_turn(site: "Site", ask: Ask) -> object:
    return {"id": change.add_turn(site, ask.ids[0], ask.json()).id}


def _touch(site: "Site", ask: Ask) -> object:
    """Give many tickets one `updated_at`, as a bulk edit does: `ids` or the first `count` of them."""
    fields = ask.json()
    ids = fields.get("ids") or sorted(site.account.tickets)[: _int(fields, "count")]
    at = fields.get("updated_at") or change.now(site)
    for number in ids:
        ticket = site.account.tickets.get(number)
        if ticket is None:
            raise missing()
        change.touch(site, ticket, at)
    return {"touched": len(ids), "updated_at": at}


def _article(site: "Site", ask: Ask) -> object:
    fields = ask.json()
    change.change_article(site, ask.ids[0], str(fields.pop("lang", "ko")), fields)
    return {"changed": ask.ids[0]}


def _unpublish(site: "Site", ask: Ask) -> object:
    for lang in site.account.shelf.articles[ask.ids[0]].texts if ask.ids[0] in site.account.shelf.articles else ():
        change.change_article(site, ask.ids[0], lang, {"status": 1})
    return {"unpublished": ask.ids[0]}


def _remove_article(site: "Site", ask: Ask) -> object:
    change.remove_article(site, ask.ids[0])
    return {"gone": ask.ids[0]}


def _order_fault(site: "Site", ask: Ask) -> object:
    try:
        site.faults.add(msgspec.json.decode(ask.body, type=Fault))
    except (msgspec.DecodeError, re.error) as error:
        raise invalid("fault", f"{error}; kinds are {', '.join(KINDS)}") from error
    return site.faults.report()


def _faults(site: "Site", _: Ask) -> object:
    return site.faults.report()


def _clear_faults(site: "Site", _: Ask) -> object:
    site.faults.clear()
    return []


def _stats(site: "Site", _: Ask) -> object:
    return site.stats.report()


def _clear_stats(site: "Site", _: Ask) -> object:
    site.stats.clear()
    return site.stats.report()


def _settings(site: "Site", ask: Ask) -> object:
    """Change `latency_ms`, `quota` or `url_seconds` while running."""
    fields = ask.json()
    if "latency_ms" in fields:
        site.latency = float(fields["latency_ms"]) / 1000
    if "url_seconds" in fields:
        site.links.seconds = float(fields["url_seconds"])
    if "quota" in fields:
        site.limits.resize(int(fields["quota"]), site.options.quota_shares, float(fields.get("quota_window", site.options.quota_window)))
    return {"latency_ms": site.latency * 1000, "url_seconds": site.links.seconds}


def _reset(site: "Site", _: Ask) -> object:
    """Back to the first day: data, faults and counters."""
    site.reset()
    return {"tickets": len(site.account.tickets)}


def _truth(site: "Site", _: Ask) -> object:
    """Which tickets and articles belong to which problem, and the facts that only files tell."""
    account = site.account
    return {
        "judgements": [msgspec.to_builtins(judgement) for judgement in account.judgements()],
        "states": {state: [t.id for t in account.tickets.values() if t.state == state] for state in ("deleted", "spam", "archived")},
        "merged": {str(t.id): t.merged_into for t in account.tickets.values() if t.merged_into},
    }


def _add_hook(site: "Site", ask: Ask) -> object:
    """Tell `url` of every change from now on, as a rule with a webhook does, with `secret` in `header`."""
    fields = ask.json()
    site.hooks.add(Hook(url=str(fields["url"]), secret=str(fields["secret"]), header=str(fields["header"])))
    return site.hooks.report()


def _hooks(site: "Site", _: Ask) -> object:
    return site.hooks.report()


def _clear_hooks(site: "Site", _: Ask) -> object:
    site.hooks.clear()
    return site.hooks.report()


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("POST", "/tickets"): _create,
    ("PUT", "/tickets/{id}"): _update,
    ("POST", "/tickets/{id}/delete"): _state("deleted"),
    ("POST", "/tickets/{id}/restore"): _state("live"),
    ("POST", "/tickets/{id}/spam"): _state("spam"),
    ("POST", "/tickets/{id}/archive"): _state("archived"),
    ("POST", "/tickets/{id}/merge"): _merge,
    ("POST", "/tickets/{id}/conversations"): _add_turn,
    ("DELETE", "/tickets/{id}"): _vanish,
    ("POST", "/touch"): _touch,
    ("PUT", "/articles/{id}"): _article,
    ("POST", "/articles/{id}/unpublish"): _unpublish,
    ("DELETE", "/articles/{id}"): _remove_article,
    ("POST", "/faults"): _order_fault,
    ("GET", "/faults"): _faults,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/hooks"): _add_hook,
    ("GET", "/hooks"): _hooks,
    ("DELETE", "/hooks"): _clear_hooks,
    ("GET", "/stats"): _stats,
    ("DELETE", "/stats"): _clear_stats,
    ("PUT", "/settings"): _settings,
    ("POST", "/reset"): _reset,
    ("GET", "/truth"): _truth,
}
