"""Results that took long to find, kept for as long as they hold."""

from typing import Protocol


class Cache(Protocol):
    """One tenant's results, opened by `Caches.open`; any of them may be gone at any time."""

    async def get(self, key: str) -> bytes | None:
        """What was kept under this key; None where nothing was, or it is too old."""
        ...

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for at most so long."""
        ...


class Caches(Protocol):
    """The caches of all tenants."""

    def open(self, company_id: str) -> Cache:
        """The tenant's cache."""
        ...

    async def drop(self, company_id: str) -> None:
        """Forget everything of the tenant."""
        ...
