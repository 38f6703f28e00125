"""Results that took long to find, kept for as long as they hold."""

from datetime import datetime
from typing import Protocol


class Cache(Protocol):
    """One tenant's results, opened by `Caches.open`; any of them may be gone at any time."""

    async def get(self, key: str) -> bytes | None:
        """What was kept under this key; None where nothing was, or it is too old."""
        ...

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for at most so long."""
        ...

    async def first(self, key: str, seconds: float) -> bool:
        """Note that this happened; False where it was noted less than so long ago, by any process that shares the cache.

        While what they share is away, each process remembers for itself. Nothing that is kept makes room by forgetting this.
        """
        ...


class Caches(Protocol):
    """The caches of all tenants."""

    @property
    def since(self) -> datetime | None:
        """What was noted before is forgotten; None where it outlives this process."""
        ...

    def open(self, company_id: str) -> Cache:
        """The tenant's cache."""
        ...

    async def drop(self, company_id: str) -> None:
        """Forget everything of the tenant."""
        ...
