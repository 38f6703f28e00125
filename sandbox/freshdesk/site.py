"""One Freshdesk account on the wire: what it holds, who may call, what it costs."""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from sandbox.data.account import Account
from sandbox.data.model import Json
from sandbox.faults import Faults
from sandbox.freshdesk.hooks import render
from sandbox.freshdesk.limits import Limits
from sandbox.freshdesk.links import Links
from sandbox.freshdesk.store import TicketStore
from sandbox.freshdesk.wire import positive
from sandbox.hooks import Hooks
from sandbox.stats import Stats
from sandbox.wire import Answer, Ask

if TYPE_CHECKING:
    from sandbox.options import SandboxOptions


@dataclass(slots=True)
class Job:
    """An export that was asked for."""

    id: int
    created_at: int
    data: bytes
    looks: int = 0


class Site:
    """Holds the account; knows nothing of routes and sockets."""

    def __init__(self, options: "SandboxOptions", account: Account) -> None:
        self.options = options
        self.account = account
        self.domain = account.name.lower().replace(" ", "") + ".freshdesk.com"
        self.tickets = TicketStore(account)
        self.links = Links(account, self.domain, options.url_seconds)
        self.limits = Limits(options.quota, options.quota_shares, options.quota_window)
        self.faults = Faults()
        self.hooks = Hooks(render)
        self.jobs: dict[int, Job] = {}
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
