"""Start the Freshdesk sandbox: inside a test, or beside the others in `desklore sandbox`."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from sandbox.freshdesk.app import ApiListener, FilesListener
from sandbox.freshdesk.site import Site
from sandbox.listener import Listener
from sandbox.options import SandboxOptions
from sandbox.ports import TwoPorts, account_of, serving


class SandboxServer(TwoPorts[Site]):
    """One Freshdesk account on two ports of this machine."""

    def __init__(self, options: SandboxOptions) -> None:
        super().__init__(options, Site(options, account_of(options)))

    @property
    def restricted_key(self) -> str:
        """The key of an agent who sees only tickets assigned to them."""
        return self.options.restricted_key

    def _listeners(self) -> tuple[Listener[Any], ...]:
        return ApiListener(self.site), FilesListener(self.site)

    async def start(self) -> None:
        """Render tickets first where that is wanted, then bind both ports (a busy one raises OSError) and serve."""
        if self.options.prebuild:
            self.site.tickets.prebuild()
        await super().start()


def running_sandbox(options: SandboxOptions | None = None) -> AbstractAsyncContextManager[SandboxServer]:
    """A Freshdesk account that lives as long as the block; several may run side by side, each with its own account."""
    return serving(SandboxServer(options or SandboxOptions()))
