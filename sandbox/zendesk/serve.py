"""Start the Zendesk sandbox: inside a test, or beside the others in `desklore sandbox`."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from sandbox.listener import Listener
from sandbox.options import SandboxOptions
from sandbox.ports import TwoPorts, account_of, serving
from sandbox.zendesk.app import ApiListener, BrandListener, FilesListener
from sandbox.zendesk.site import Site


class ZendeskServer(TwoPorts[Site]):
    """One Zendesk account on three ports of this machine: its API, its files, and the host of its second brand."""

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

    @property
    def brand_url(self) -> str | None:
        """The address of the second brand's help center; None where there is one brand."""
        return self.site.links.brand_base or None

    def _listeners(self) -> tuple[Listener[Any], ...]:
        further = () if self.options.one_brand else (BrandListener(self.site),)
        return ApiListener(self.site), FilesListener(self.site), *further

    def _further(self) -> tuple[int, ...]:
        return () if self.options.one_brand else (self.options.brand_port,)

    def _found_at(self, addresses: list[str]) -> None:
        super()._found_at(addresses)
        self.site.links.brand_base = "".join(addresses[2:])


def running_zendesk(options: SandboxOptions | None = None) -> AbstractAsyncContextManager[ZendeskServer]:
    """A Zendesk account that lives as long as the block."""
    return serving(ZendeskServer(options or SandboxOptions()))
