"""The remote control under `/_sandbox/`: change data, order faults, read counters. Loopback only, with its own key."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from sandbox.freshdesk.control import HEADER, LOOPBACK, PREFIX
from sandbox.freshdesk.faults import KINDS, Fault
from sandbox.freshdesk.wire import Answer, Ask, Refusal, ok
from sandbox.zendesk import change, render
from sandbox.zendesk.hooks import new_hook
from sandbox.zendesk.wire import failure, invalid

if TYPE_CHECKING:
    from sandbox.data.model import Ticket
    from sandbox.zendesk.site import Site

Handler = Callable[["Site", Ask], object]


def control(site: "Site", ask: Ask, client: str | None) -> Answer:
    """Answer a control request; anybody without the key or from another machine is told that nothing is here."""
    key = ask.headers.get(HEADER, b"").decode("latin-1")
    if client not in LOOPBACK or key != site.options.control_key:
        return Answer(404)
    handler = _HANDLERS.get((ask.method, ask.shape.removeprefix(PREFIX)))
    if handler is None:
        return failure(404, {"error": "unknown_control", "description": f"No such control: {ask.method} {ask.path}"})
    try:
        return ok(handler(site, ask))
    except Refusal as refusal:
        return refusal.answer


def _create(site: "Site", ask: Ask) -> object:
    return render.ticket(site, change.create(site, ask.json()))


def _update(site: "Site", ask: Ask) -> object:
    return render.ticket(site, change.update(site, ask.ids[0], ask.json()))


def _moved(move: Callable[["Site", int], "Ticket"]) -> Handler:
    def handler(site: "Site", ask: Ask) -> object:
        return render.ticket(site, move(site, ask.ids[0]))

    return handler


def _merge(site: "Site", ask: Ask) -> object:
    target = ask.json().get("into")
    if not isinstance(target, int):
        raise invalid("into: it has to be a number")
    change.merge(site, target, [ask.ids[0]])
    return {"merged": ask.ids[0], "into": target}


def _comment(site: "Site", ask: Ask) -> object:
    return {"id": change.add_comment(site, ask.ids[0], ask.json()).id}


def _article(site: "Site", ask: Ask) -> object:
    fields = ask.json()
    change.change_article(site, ask.ids[0], str(fields.pop("lang", "ko")), fields)
    return {"changed": ask.ids[0]}


def _unpublish(site: "Site", ask: Ask) -> object:
    change.unpublish(site, ask.ids[0])
    return {"unpublished": ask.ids[0]}


def _remove_article(site: "Site", ask: Ask) -> object:
    change.remove_article(site, ask.ids[0])
    return {"gone": ask.ids[0]}


def _order_fault(site: "Site", ask: Ask) -> object:
    try:
        site.faults.add(msgspec.json.decode(ask.body, type=Fault))
    except (msgspec.DecodeError, re.error) as error:
        raise invalid(f"{error}; kinds are {', '.join(KINDS)}") from error
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
    """Change `latency_ms`, `quota`, `export_quota` or `help_center`, or let `pass_seconds` go by."""
    fields = ask.json()
    if "latency_ms" in fields:
        site.latency = float(fields["latency_ms"]) / 1000
    if "help_center" in fields:
        site.has_help_center = bool(fields["help_center"])
    site.pass_time(int(fields.get("pass_seconds", 0)))
    if "quota" in fields or "export_quota" in fields:
        options = site.options
        quota, exports = int(fields.get("quota", options.quota)), int(fields.get("export_quota", options.export_quota))
        site.limits.resize(quota, exports, float(fields.get("quota_window", options.quota_window)))
    return {"latency_ms": site.latency * 1000, "help_center": site.has_help_center, "now": site.world.now()}


def _reset(site: "Site", _: Ask) -> object:
    """Back to the first day: data, faults and counters."""
    site.reset()
    return {"tickets": len(site.account.tickets)}


def _truth(site: "Site", _: Ask) -> object:
    """Which tickets and articles belong to which problem, and in which state tickets are."""
    account = site.account
    return {
        "judgements": [msgspec.to_builtins(judgement) for judgement in account.judgements()],
        "states": {state: [t.id for t in account.tickets.values() if t.state == state] for state in ("deleted", "spam", "archived")},
        "scrubbed": sorted(site.world.scrubbed),
        "merged": {str(t.id): t.merged_into for t in account.tickets.values() if t.merged_into},
    }


def _add_hook(site: "Site", ask: Ask) -> object:
    """Tell `url` of every change from now on; the signing secret is Zendesk's."""
    hook = new_hook(str(ask.json()["url"]))
    site.hooks.add(hook)
    return {"signing_secret": {"algorithm": "SHA256", "secret": hook.secret}}


def _hooks(site: "Site", _: Ask) -> object:
    return site.hooks.report()


def _clear_hooks(site: "Site", _: Ask) -> object:
    site.hooks.clear()
    return site.hooks.report()


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("POST", "/tickets"): _create,
    ("PUT", "/tickets/{id}"): _update,
    ("POST", "/tickets/{id}/delete"): _moved(change.delete),
    ("POST", "/tickets/{id}/restore"): _moved(change.restore),
    ("POST", "/tickets/{id}/suspend"): _moved(change.suspend),
    ("POST", "/tickets/{id}/archive"): _moved(change.archive),
    ("POST", "/tickets/{id}/scrub"): _moved(change.scrub),
    ("POST", "/tickets/{id}/merge"): _merge,
    ("POST", "/tickets/{id}/comments"): _comment,
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
