"""Start the Zendesk sandbox: inside a test, or beside the others in `desklore sandbox`."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from sandbox.listener import Listener
from sandbox.options import SandboxOptions
from sandbox.ports import TwoPorts, account_of, serving
from sandbox.zendesk.app import ApiListener, FilesListener
from sandbox.zendesk.site import Site


class ZendeskServer(TwoPorts[Site]):
    """One Zendesk account on two ports of this machine."""

    def __init__(self, options: SandboxOptions) -> None:
        super().__init__(options, Site(options, account_of(options)))

    @property
    def email(self) -> str:
        """An administrator's address, to be used with the API token."""
        return self.account.people.agents[self.site.admin_id].email

    @property
    def restricted_email(self) -> str:
        """The address of an agent who is no administrator and sees only what is assigned to them."""
        return self.account.people.agents[self.site.restricted_id].email

    @property
    def credentials(self) -> dict[str, str]:
        """What a connection needs."""
        return {"email": self.email, "api_token": self.options.api_key}

    def _listeners(self) -> tuple[Listener[Any], Listener[Any]]:
        return ApiListener(self.site), FilesListener(self.site)


def running_zendesk(options: SandboxOptions | None = None) -> AbstractAsyncContextManager[ZendeskServer]:
    """A Zendesk account that lives as long as the block."""
    return serving(ZendeskServer(options or SandboxOptions()))
