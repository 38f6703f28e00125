"""One Zendesk account on the wire: what it holds, who may call, what it costs."""

import base64
import binascii
import copy
from typing import TYPE_CHECKING

from sandbox.data.account import Account
from sandbox.faults import Faults
from sandbox.hooks import Hooks
from sandbox.stats import Stats
from sandbox.zendesk import hooks
from sandbox.zendesk.brands import BRANCH, brands_of
from sandbox.zendesk.limits import Limits
from sandbox.zendesk.links import Links
from sandbox.zendesk.queue import Queue
from sandbox.zendesk.rules import Rules
from sandbox.zendesk.world import World

if TYPE_CHECKING:
    from sandbox.options import SandboxOptions

_TOKEN = "/token"  # noqa: S105 - part of how a user name is written, no secret


class Site:
    """Holds the account; knows nothing of routes and sockets."""

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
        self.pages: dict[tuple[object, ...], bytes] = {}
        self.empty_pages = 0
        """So many pages of the export come without rows and are not the last."""
        self.unlogged: set[int] = set()
        """Comments that the ticket events leave out."""
        self._fill(account)

    def _fill(self, account: Account) -> None:
        self.account = account
        self.world = World(account)
        self.links = Links(account, self.options.url_seconds)
        self.brands = brands_of(account.people.products, self.subdomain, one=self.options.one_brand)
        self.suspended: set[int] = set()
        self.rules = Rules()
        self.queue = Queue(account, self.world.queued)
        people = account.people
        self.admin_id = min(people.agents)
        self.restricted_id = next(agent for agent, scope in people.agent_scopes.items() if scope == 3)
        self._by_mail = {person.email: person.id for person in (*people.agents.values(), *people.contacts.values())}

    def reset(self) -> None:
        """Generate the account anew; faults, counters and limits start over as well."""
        old, account = self.links, self.account
        self._fill(Account(seed=account.seed, tickets=self.options.tickets, reference=account.reference, name=account.name))
        self.links.api_base, self.links.files_base = old.api_base, old.files_base
        self.links.brand_base = old.brand_base
        self.limits.resize(self.options.quota, self.options.export_quota, self.options.quota_window)
        self.latency = self.options.latency_ms / 1000
        self.has_help_center, self.empty_pages = True, 0
        self.faults.clear()
        self.stats.clear()

    def seen_at_brand(self) -> "Site":
        """The same account as the second brand's host shows it: the help center is another one, all else is the same."""
        seen = copy.copy(self)
        seen.account = copy.copy(self.account)
        seen.account.shelf = self.account.branch_shelf
        seen.links = self.links.at(self.links.brand_base)
        seen.has_help_center = self.brands[BRANCH].help_center_state != "disabled"
        return seen

    def pass_time(self, seconds: int) -> None:
        """Move the account's clock on: what changed just now is exported from a minute later."""
        self.world.offset += seconds

    def role_of(self, user_id: int) -> str:
        """`admin`, `agent` or `end-user`."""
        if user_id not in self.account.people.agents:
            return "end-user"
        return "agent" if user_id == self.restricted_id else "admin"

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
