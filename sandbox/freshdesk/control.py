"""What only the Freshdesk sandbox's remote control does: its tickets, its settings, its webhooks."""

from collections.abc import Callable

from sandbox.control import Control, whole_number
from sandbox.freshdesk import change
from sandbox.freshdesk.render import ticket_core
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import failure, invalid, missing
from sandbox.hooks import Hook
from sandbox.wire import Ask

Handler = Callable[[Site, Ask], object]


def _create(site: Site, ask: Ask) -> object:
    return ticket_core(site.account, change.create(site, ask.json()))


def _update(site: Site, ask: Ask) -> object:
    return ticket_core(site.account, change.update(site, ask.ids[0], ask.json()))


def _state(name: str) -> Handler:
    def handler(site: Site, ask: Ask) -> object:
        return ticket_core(site.account, change.set_state(site, ask.ids[0], name))

    return handler


def _vanish(site: Site, ask: Ask) -> object:
    change.vanish(site, ask.ids[0])
    return {"gone": ask.ids[0]}


def _add_turn(site: Site, ask: Ask) -> object:
    return {"id": change.add_turn(site, ask.ids[0], ask.json()).id}


def _touch(site: Site, ask: Ask) -> object:
    """Give many tickets one `updated_at`, as a bulk edit does: `ids` or the first `count` of them."""
    fields = ask.json()
    ids = fields.get("ids") or sorted(site.account.tickets)[: whole_number(fields, "count", invalid)]
    at = fields.get("updated_at") or change.now(site)
    for number in ids:
        ticket = site.account.tickets.get(number)
        if ticket is None:
            raise missing()
        change.touch(site, ticket, at)
    return {"touched": len(ids), "updated_at": at}


def _settings(site: Site, ask: Ask) -> object:
    """Change `latency_ms`, `quota` or `url_seconds` while running."""
    fields = ask.json()
    if "latency_ms" in fields:
        site.latency = float(fields["latency_ms"]) / 1000
    if "url_seconds" in fields:
        site.links.seconds = float(fields["url_seconds"])
    if "quota" in fields:
        site.limits.resize(int(fields["quota"]), site.options.quota_shares, float(fields.get("quota_window", site.options.quota_window)))
    return {"latency_ms": site.latency * 1000, "url_seconds": site.links.seconds}


def _add_hook(site: Site, ask: Ask) -> object:
    """Tell `url` of every change from now on, as a rule with a webhook does, with `secret` in `header`."""
    fields = ask.json()
    site.hooks.add(Hook(url=str(fields["url"]), secret=str(fields["secret"]), header=str(fields["header"])))
    return site.hooks.report()


control: Control[Site] = Control(
    {
        ("POST", "/tickets"): _create,
        ("PUT", "/tickets/{id}"): _update,
        ("POST", "/tickets/{id}/delete"): _state("deleted"),
        ("POST", "/tickets/{id}/restore"): _state("live"),
        ("POST", "/tickets/{id}/spam"): _state("spam"),
        ("POST", "/tickets/{id}/archive"): _state("archived"),
        ("POST", "/tickets/{id}/conversations"): _add_turn,
        ("DELETE", "/tickets/{id}"): _vanish,
        ("POST", "/touch"): _touch,
        ("POST", "/hooks"): _add_hook,
        ("PUT", "/settings"): _settings,
    },
    change,
    unknown=lambda message: failure(404, "unknown_control", message),
    invalid=invalid,
)
