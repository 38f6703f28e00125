"""Start the Zendesk sandbox: inside a test, or beside the others in `desklore sandbox`."""

import contextlib
from collections.abc import AsyncIterator

from sandbox.data.account import Account
from sandbox.freshdesk.site import Stats
from sandbox.options import SandboxOptions
from sandbox.serve import TwoPorts, account_of
from sandbox.zendesk.app import ApiListener, FilesListener
from sandbox.zendesk.site import Site

__all__ = ["SandboxOptions", "ZendeskServer", "running_zendesk"]


class ZendeskServer(TwoPorts):
    """One Zendesk account on two ports of this machine."""

    def __init__(self, options: SandboxOptions) -> None:
        super().__init__(options)
        self.site = Site(options, account_of(options))

    @property
    def account(self) -> Account:
        """The truth: the same company as on the other platforms."""
        return self.site.account

    @property
    def stats(self) -> Stats:
        """What clients did so far."""
        return self.site.stats

    @property
    def base_url(self) -> str:
        """The account's address; the API is below `/api/v2`."""
        return self.site.links.api_base

    @property
    def attachments_url(self) -> str:
        """The address of the file store."""
        return self.site.links.files_base

    @property
    def email(self) -> str:
        """An administrator's address, to be used with the API token."""
        return self.account.people.agents[self.site.admin_id].email

    @property
    def restricted_email(self) -> str:
        """The address of an agent who is no administrator and sees only what is assigned to them."""
        return self.account.people.agents[self.site.restricted_id].email

    @property
    def api_key(self) -> str:
        """The account's API token."""
        return self.options.api_key

    @property
    def credentials(self) -> dict[str, str]:
        """What a connection needs."""
        return {"email": self.email, "api_token": self.options.api_key}

    async def stop(self) -> None:
        """Call nobody any more, end all connections and free the ports."""
        await self.site.hooks.close()
        await super().stop()

    async def start(self) -> None:
        """Bind both ports (a busy one raises OSError) and serve."""
        sockets, (self.site.links.api_base, self.site.links.files_base) = self._bind()
        await self._serve((ApiListener(self.site), FilesListener(self.site)), sockets)


@contextlib.asynccontextmanager
async def running_zendesk(options: SandboxOptions | None = None) -> AsyncIterator[ZendeskServer]:
    """A Zendesk account that lives as long as the block."""
    server = ZendeskServer(options or SandboxOptions())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
