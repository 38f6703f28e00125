"""One Freshdesk account on the wire: who may call, what it costs, which route answers."""

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from sandbox.data.account import Account
from sandbox.data.model import Json
from sandbox.freshdesk import jobs, people, settings, solutions, tickets, writes
from sandbox.freshdesk.faults import Faults
from sandbox.freshdesk.hooks import render
from sandbox.freshdesk.limits import Limits
from sandbox.freshdesk.links import Links
from sandbox.freshdesk.store import TicketStore
from sandbox.freshdesk.wire import Answer, Ask, Refusal, failure, missing, not_allowed, positive
from sandbox.hooks import Hooks
from sandbox.stats import Stats

if TYPE_CHECKING:
    from sandbox.options import SandboxOptions

Route = Callable[["Site", Ask], Answer]
_API = "/api/v2"

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/tickets"): tickets.list_tickets,
    ("GET", "/tickets/{id}"): tickets.view_ticket,
    ("GET", "/tickets/{id}/conversations"): tickets.list_conversations,
    ("GET", "/tickets/{id}/time_entries"): tickets.no_time_entries,
    ("GET", "/tickets/{id}/satisfaction_ratings"): tickets.ticket_ratings,
    ("GET", "/tickets/archived/{id}"): tickets.view_archived,
    ("GET", "/tickets/archived/{id}/conversations"): tickets.archived_conversations,
    ("GET", "/search/tickets"): tickets.search_tickets,
    ("GET", "/surveys/satisfaction_ratings"): tickets.list_ratings,
    ("POST", "/tickets"): writes.create_ticket,
    ("PUT", "/tickets/{id}"): writes.update_ticket,
    ("DELETE", "/tickets/{id}"): writes.delete_ticket,
    ("PUT", "/tickets/{id}/restore"): writes.restore_ticket,
    ("PUT", "/tickets/merge"): writes.merge_tickets,
    ("POST", "/tickets/{id}/reply"): writes.reply,
    ("POST", "/tickets/{id}/notes"): writes.add_note,
    ("GET", "/contacts"): people.list_contacts,
    ("GET", "/contacts/{id}"): people.view_contact,
    ("GET", "/companies"): people.list_companies,
    ("GET", "/companies/{id}"): people.view_company,
    ("GET", "/agents"): people.list_agents,
    ("GET", "/agents/me"): people.view_me,
    ("GET", "/agents/{id}"): people.view_agent,
    ("GET", "/groups"): people.list_groups,
    ("GET", "/groups/{id}"): people.view_group,
    ("GET", "/products"): people.list_products,
    ("GET", "/ticket_fields"): settings.ticket_fields,
    ("GET", "/settings/helpdesk"): settings.helpdesk,
    ("GET", "/account"): settings.account,
    ("POST", "/account/export"): jobs.ask_for_export,
    ("GET", "/jobs/{id}"): jobs.view_job,
    ("GET", "/solutions/categories"): solutions.list_categories,
    ("GET", "/solutions/categories/{lang}"): solutions.list_categories,
    ("GET", "/solutions/categories/{id}"): solutions.view_category,
    ("GET", "/solutions/categories/{id}/{lang}"): solutions.view_category,
    ("GET", "/solutions/categories/{id}/folders"): solutions.list_folders,
    ("GET", "/solutions/categories/{id}/folders/{lang}"): solutions.list_folders,
    ("GET", "/solutions/folders/{id}"): solutions.view_folder,
    ("GET", "/solutions/folders/{id}/{lang}"): solutions.view_folder,
    ("GET", "/solutions/folders/{id}/subfolders"): solutions.list_subfolders,
    ("GET", "/solutions/folders/{id}/subfolders/{lang}"): solutions.list_subfolders,
    ("GET", "/solutions/folders/{id}/articles"): solutions.list_articles,
    ("GET", "/solutions/folders/{id}/articles/{lang}"): solutions.list_articles,
    ("GET", "/solutions/articles/{id}"): solutions.view_article,
    ("GET", "/solutions/articles/{id}/{lang}"): solutions.view_article,
    ("GET", "/canned_response_folders"): solutions.list_canned_folders,
    ("GET", "/canned_response_folders/{id}"): solutions.view_canned_folder,
    ("GET", "/canned_response_folders/{id}/responses"): solutions.list_canned,
    ("GET", "/canned_responses/{id}"): solutions.view_canned,
}
_METHODS: dict[str, set[str]] = {}
for _method, _shape in ROUTES:
    _METHODS.setdefault(_shape, set()).add(_method)


class Site:
    """Holds the account and answers requests; knows nothing of sockets."""

    def __init__(self, options: "SandboxOptions", account: Account) -> None:
        self.options = options
        self.account = account
        self.domain = account.name.lower().replace(" ", "") + ".freshdesk.com"
        self.tickets = TicketStore(account)
        self.links = Links(account, self.domain, options.url_seconds)
        self.limits = Limits(options.quota, options.quota_shares, options.quota_window)
        self.faults = Faults()
        self.hooks = Hooks(render)
        self.jobs: dict[int, jobs.Job] = {}
        self.stats = Stats()
        self.latency = options.latency_ms / 1000
        self._set_keys()

    def _set_keys(self) -> None:
        options, account = self.options, self.account
        restricted = next(agent for agent, scope in account.people.agent_scopes.items() if scope == 3)
        self._keys = {options.api_key: (min(account.people.agents), 1), options.restricted_key: (restricted, 3)}
        self._known: dict[bytes, tuple[int, int]] = {}

    def reset(self) -> None:
        """Generate the account anew; faults, counters and budgets start over as well."""
        old = self.links
        account = self.account
        self.account = Account(seed=account.seed, tickets=self.options.tickets, reference=account.reference, name=account.name)
        self.tickets = TicketStore(self.account)
        self.links = Links(self.account, self.domain, self.options.url_seconds)
        self.links.api_base, self.links.files_base = old.api_base, old.files_base
        self.limits.resize(self.options.quota, self.options.quota_shares, self.options.quota_window)
        self.latency = self.options.latency_ms / 1000
        self.faults.clear()
        self.jobs.clear()
        self.stats.clear()

    def allow(self, header: bytes | None) -> tuple[int, int] | None:
        """The agent and scope behind an Authorization header; the password beside the key may be anything."""
        if header is None:
            return None
        known = self._known.get(header)
        if known is None:
            try:
                kind, _, text = header.decode("ascii").partition(" ")
                key = base64.b64decode(text, validate=True).decode().partition(":")[0]
            except (UnicodeDecodeError, binascii.Error):
                return None
            if kind.lower() != "basic" or key not in self._keys:
                return None
            known = self._known[header] = self._keys[key]
        return known

    def answer(self, ask: Ask) -> Answer:
        """Authenticate and route; refusals are answers too."""
        who = self.allow(ask.headers.get(b"authorization"))
        if who is None:
            return failure(401, "invalid_credentials", "You have to be logged in to perform this action.")
        ask.agent_id, ask.scope = who
        try:
            return self._route(ask)(self, ask)
        except Refusal as refusal:
            return refusal.answer

    def _route(self, ask: Ask) -> Route:
        shape = ask.shape.removeprefix(_API)
        found = ROUTES.get((ask.method, shape))
        if found is None and ask.lang in solutions.LANGUAGES:
            shape = shape.rsplit("/", 1)[0] + "/{lang}"
            found = ROUTES.get((ask.method, shape))
        if found is not None and ask.shape.startswith(_API):
            return found
        if shape in _METHODS:
            raise not_allowed(", ".join(sorted(_METHODS[shape])))
        raise missing()

    def link(self, ask: Ask, page: int, *, more: bool) -> dict[str, str]:
        """The Link header of a list, in the odd form of the documentation (https://developers.freshdesk.com/api/#pagination)."""
        if not more:
            return {}
        query = urlencode(ask.query | {"page": str(page + 1)})
        return {"Link": f' < {self.links.api_base}{ask.path}?{query}>;rel="next"'}

    def paged(self, ask: Ask, rows: list[Json]) -> Answer:
        """A page of a list that is small enough to be built whole."""
        size = positive(ask, "per_page", 30, top=100)
        page = positive(ask, "page", 1)
        part = rows[(page - 1) * size : page * size]
        return Answer(body=orjson.dumps(part), headers=self.link(ask, page, more=len(rows) > page * size))
