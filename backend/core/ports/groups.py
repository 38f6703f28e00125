"""Which groups of a helpdesk the stored tickets are in."""

from typing import Protocol


class GroupStore(Protocol):
    """Groups the tenant's tickets are in."""

    async def list(self) -> list[tuple[str, ...]]:
        """The marks of each group, see `Document.groups`, in order; none that no stored ticket is in."""
        ...
