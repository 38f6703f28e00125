"""What only the Zendesk sandbox's remote control does: its tickets, its suspended mail, its settings, its webhooks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.control import Control, truth
from sandbox.wire import Ask
from sandbox.zendesk import change, render, suspended
from sandbox.zendesk.brands import BRANCH
from sandbox.zendesk.hooks import new_hook
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import failure, invalid

if TYPE_CHECKING:
    from sandbox.data.model import Ticket

Handler = Callable[[Site, Ask], object]


def _create(site: Site, ask: Ask) -> object:
    return render.ticket(site, change.create(site, ask.json()))


def _update(site: Site, ask: Ask) -> object:
    return render.ticket(site, change.update(site, ask.ids[0], ask.json()))


def _moved(move: Callable[[Site, int], "Ticket"]) -> Handler:
    def handler(site: Site, ask: Ask) -> object:
        return render.ticket(site, move(site, ask.ids[0]))

    return handler


def _comment(site: Site, ask: Ask) -> object:
    return {"id": change.add_comment(site, ask.ids[0], ask.json()).id}


def _settings(site: Site, ask: Ask) -> object:
    """Change `latency_ms`, `quota`, `export_quota`, `help_center` or `brand_help_center`, or let `pass_seconds` go by."""
    fields = ask.json()
    if "latency_ms" in fields:
        site.latency = float(fields["latency_ms"]) / 1000
    if "help_center" in fields:
        site.has_help_center = bool(fields["help_center"])
    if "brand_help_center" in fields and (branch := site.brands.get(BRANCH)) is not None:
        branch.help_center_state = "enabled" if fields["brand_help_center"] else "disabled"
    site.pass_time(int(fields.get("pass_seconds", 0)))
    if "quota" in fields or "export_quota" in fields:
        options = site.options
        quota, exports = int(fields.get("quota", options.quota)), int(fields.get("export_quota", options.export_quota))
        site.limits.resize(quota, exports, float(fields.get("quota_window", options.quota_window)))
    return {"latency_ms": site.latency * 1000, "help_center": site.has_help_center, "now": site.world.now()}


def _truth(site: Site, _: Ask) -> object:
    """With the tickets whose content was scrubbed."""
    return {**truth(site), "scrubbed": sorted(site.world.scrubbed)}


def _add_hook(site: Site, ask: Ask) -> object:
    """Tell `url` of every change from now on; the signing secret is Zendesk's."""
    hook = new_hook(str(ask.json()["url"]))
    site.hooks.add(hook)
    return {"signing_secret": {"algorithm": "SHA256", "secret": hook.secret}}


def _suspend_mail(site: Site, ask: Ask) -> object:
    return {"id": suspended.suspend(site, ask.json()).id}


def _recover_mail(site: Site, ask: Ask) -> object:
    return render.ticket(site, site.account.tickets[suspended.recover(site, ask.ids[0])])


control: Control[Site] = Control(
    {
        ("POST", "/tickets"): _create,
        ("PUT", "/tickets/{id}"): _update,
        ("POST", "/tickets/{id}/delete"): _moved(change.delete),
        ("POST", "/tickets/{id}/restore"): _moved(change.restore),
        ("POST", "/tickets/{id}/suspend"): _moved(change.suspend),
        ("POST", "/tickets/{id}/archive"): _moved(change.archive),
        ("POST", "/tickets/{id}/scrub"): _moved(change.scrub),
        ("POST", "/tickets/{id}/comments"): _comment,
        ("POST", "/suspended_tickets"): _suspend_mail,
        ("POST", "/suspended_tickets/{id}/recover"): _recover_mail,
        ("POST", "/hooks"): _add_hook,
        ("PUT", "/settings"): _settings,
        ("GET", "/truth"): _truth,
    },
    change,
    unknown=lambda message: failure(404, {"error": "unknown_control", "description": message}),
    invalid=lambda name, message: invalid(f"{name}: {message}"),
)
