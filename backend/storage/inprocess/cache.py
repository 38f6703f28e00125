"""Results kept in this process's memory, within a budget of bytes for all tenants."""

from collections import OrderedDict
from datetime import datetime
from time import monotonic
from typing import Final

from backend.core.clock import now
from backend.storage.noted import Noted

MAX_BYTES: Final = 32_000_000
_OVERHEAD: Final = 200
"""Bytes of an entry beside its value, about."""

_Key = tuple[str, str]


class InProcessCaches:
    """The caches of all tenants; what was used longest ago makes room."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._since = now()
        self._size = 0
        self.noted = Noted()
        self._entries: OrderedDict[_Key, tuple[float, bytes]] = OrderedDict()

    @property
    def since(self) -> datetime:
        """It knows of nothing before this process."""
        return self._since

    def open(self, company_id: str) -> "InProcessCache":
        """The tenant's cache."""
        return InProcessCache(company_id, self)

    async def drop(self, company_id: str) -> None:
        """Forget everything of the tenant."""
        for key in [key for key in self._entries if key[0] == company_id]:
            self._forget(key)

    def get(self, key: _Key) -> bytes | None:
        """The value of a key that begins with its tenant, unless it is too old."""
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] <= monotonic():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return found[1]

    def put(self, key: _Key, value: bytes, seconds: float) -> None:
        """Keep it, and let go of what makes it too much."""
        self._forget(key)
        self._entries[key] = (monotonic() + seconds, value)
        self._size += len(value) + _OVERHEAD
        while self._size > self._max_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: _Key) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self._size -= len(found[1]) + _OVERHEAD


class InProcessCache:
    """One tenant's part; see the port."""

    def __init__(self, company_id: str, caches: InProcessCaches) -> None:
        self._company_id = company_id
        self._caches = caches

    async def get(self, key: str) -> bytes | None:
        """What was kept under this key."""
        return self._caches.get((self._company_id, key))

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for at most so long."""
        self._caches.put((self._company_id, key), value, seconds)

    async def first(self, key: str, seconds: float) -> bool:
        """Whether it was not noted yet."""
        return self._caches.noted.first(self._company_id, key, seconds)
