"""One Zendesk account on the wire: who may call, what it costs, which route answers."""

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.data.account import Account
from sandbox.data.model import Json
from sandbox.freshdesk.faults import Faults
from sandbox.freshdesk.wire import Answer, Ask, Refusal
from sandbox.hooks import Hooks
from sandbox.stats import Stats
from sandbox.zendesk import export, help_center, hooks, people, render, tickets, webhooks
from sandbox.zendesk.limits import Limits, too_many
from sandbox.zendesk.links import Links
from sandbox.zendesk.wire import failure, missing, unauthorized
from sandbox.zendesk.world import World

if TYPE_CHECKING:
    from sandbox.options import SandboxOptions

Route = Callable[["Site", Ask], Answer]
API = "/api/v2"

ROUTES: dict[str, Route] = {
    "/incremental/tickets/cursor": export.tickets_by_cursor,
    "/incremental/tickets": export.tickets_by_time,
    "/incremental/tickets/sample": export.sample,
    "/incremental/ticket_events": export.ticket_events,
    "/tickets": tickets.list_tickets,
    "/tickets/count": tickets.count,
    "/tickets/show_many": tickets.show_many,
    "/tickets/{id}": tickets.show,
    "/tickets/{id}/comments": tickets.comments,
    "/tickets/{id}/audits": tickets.audits,
    "/tickets/{id}/metrics": tickets.metrics,
    "/deleted_tickets": tickets.deleted,
    "/suspended_tickets": tickets.suspended,
    "/users": people.list_users,
    "/users/me": people.me,
    "/users/show_many": people.show_users,
    "/users/{id}": people.show_user,
    "/organizations": people.list_organizations,
    "/organizations/show_many": people.show_organizations,
    "/groups": people.list_groups,
    "/brands": people.list_brands,
    "/ticket_fields": people.ticket_fields,
    "/custom_statuses": people.custom_statuses,
    "/macros": people.macros,
    "/macros/{id}": people.show_macro,
    "/account/settings": people.account_settings,
    "/help_center/articles": help_center.list_articles,
    "/help_center/articles/{id}": help_center.show_article,
    "/help_center/articles/{id}/translations": help_center.list_translations,
    "/help_center/articles/{id}/attachments": help_center.list_attachments,
    "/help_center/articles/{id}/labels": help_center.list_labels,
    "/help_center/sections": help_center.list_sections,
    "/help_center/categories": help_center.list_categories,
    "/help_center/user_segments": help_center.list_segments,
    "/help_center/locales": help_center.locales,
    "/help_center/incremental/articles": help_center.incremental_articles,
}
_TOKEN = "/token"  # noqa: S105 - part of how a user name is written, no secret


class Site:
    """Holds the account and answers requests; knows nothing of sockets."""

    def __init__(self, options: "SandboxOptions", account: Account) -> None:
        self.options = options
        self.subdomain = account.name.lower().replace(" ", "")
        self.domain = f"{self.subdomain}.zendesk.com"
        self.faults = Faults()
        self.hooks = Hooks(hooks.render)
        self.stats = Stats()
        self.latency = options.latency_ms / 1000
        self.limits = Limits(options.quota, options.export_quota, options.quota_window)
        self.has_help_center = True
        self._pages: dict[tuple[object, ...], bytes] = {}
        self.empty_pages = 0
        """So many pages of the export come without rows and are not the last."""
        self.unlogged: set[int] = set()
        """Comments that the ticket events leave out."""
        self._fill(account)

    def _fill(self, account: Account) -> None:
        self.account = account
        self.world = World(account)
        self.links = Links(account, self.options.url_seconds)
        self.suspended: set[int] = set()
        self.rules = webhooks.Rules()
        people = account.people
        self.admin_id = min(people.agents)
        self.restricted_id = next(agent for agent, scope in people.agent_scopes.items() if scope == 3)
        self._by_mail = {person.email: person.id for person in (*people.agents.values(), *people.contacts.values())}

    def reset(self) -> None:
        """Generate the account anew; faults, counters and limits start over as well."""
        old, account = self.links, self.account
        self._fill(Account(seed=account.seed, tickets=self.options.tickets, reference=account.reference, name=account.name))
        self.links.api_base, self.links.files_base = old.api_base, old.files_base
        self.limits.resize(self.options.quota, self.options.export_quota, self.options.quota_window)
        self.latency = self.options.latency_ms / 1000
        self.has_help_center, self.empty_pages = True, 0
        self.faults.clear()
        self.stats.clear()

    def pass_time(self, seconds: int) -> None:
        """Move the account's clock on: what changed just now is exported from a minute later."""
        self.world.offset += seconds

    def role_of(self, user_id: int) -> str:
        """`admin`, `agent` or `end-user`."""
        if user_id not in self.account.people.agents:
            return "end-user"
        return "agent" if user_id == self.restricted_id else "admin"

    def user(self, user_id: int) -> Json:
        """A user as JSON."""
        return render.user(self.account.people.person(user_id), self.role_of(user_id), self)

    def allow(self, header: bytes | None) -> int | None:
        """The user behind an Authorization header: `address/token:TOKEN`, or a bearer token."""
        kind, _, text = (header or b"").decode("latin-1").partition(" ")
        if kind.lower() == "bearer":
            return self.admin_id if text == self.options.oauth_token else None
        try:
            name, _, token = base64.b64decode(text, validate=True).decode().partition(":")
        except (UnicodeDecodeError, binascii.Error):
            return None
        if kind.lower() != "basic" or not name.endswith(_TOKEN) or token != self.options.api_key:
            return None
        return self._by_mail.get(name.removesuffix(_TOKEN))

    def answer(self, ask: Ask) -> Answer:
        """Authenticate, count and route; refusals are answers too."""
        shape = ask.shape.removeprefix(API).removesuffix(".json")
        header = ask.headers.get(b"authorization")
        who = self.allow(header)
        if who is None and (header is None or shape != "/users/me"):
            return _rejected(header)
        spent = self.limits.spend(shape)
        answer = self._routed(ask, shape, who or 0) if spent.retry_after is None else too_many(spent.retry_after)
        answer.headers.update(spent.headers)
        return answer

    def _routed(self, ask: Ask, shape: str, who: int) -> Answer:
        ask.agent_id, ask.role = who, self.role_of(who)
        ask.scope = 3 if who == self.restricted_id else 1
        if self.options.prebuild and shape.startswith("/incremental"):
            return self._kept(ask, shape)
        path = ask.path.removeprefix(API).removesuffix(".json")
        if webhooks.handles(path):
            try:
                return webhooks.answer(self, ask, path)
            except Refusal as refusal:
                return refusal.answer
        route = ROUTES.get(shape) if ask.method == "GET" and ask.shape.startswith(API) else None
        try:
            if route is None:
                raise missing("InvalidEndpoint")
            return route(self, ask)
        except Refusal as refusal:
            return refusal.answer

    def _kept(self, ask: Ask, shape: str) -> Answer:
        """A page of an export as it was the last time, so that a measured client never waits for it to be rendered."""
        key = (shape, ask.role, self.world.version, *sorted(ask.query.items()))
        body = self._pages.get(key)
        if body is None:
            try:
                body = self._pages[key] = ROUTES[shape](self, ask).body
            except Refusal as refusal:
                return refusal.answer
        return Answer(body=body)


def _rejected(header: bytes | None) -> Answer:
    if header is not None and header.lower().startswith(b"bearer"):
        description = "The access token provided is expired, revoked, malformed or invalid for other reasons."
        return failure(401, {"error": "invalid_token", "error_description": description})
    return unauthorized()
