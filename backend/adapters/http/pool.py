"""Connections kept alive per origin, and opening new ones to checked addresses only."""

import asyncio
import ssl
import time
from collections import defaultdict
from functools import cache
from typing import Final

from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin
from backend.adapters.http.wire import Wire

_IDLE_SECONDS: Final = 20.0
"""Shorter than the usual 60 s of load balancers, so that a connection seldom dies while we write to it."""


@cache
def _tls() -> ssl.SSLContext:
    # Imported here since loading it with its certificates takes long and a sandbox on plain HTTP never needs it.
    import httpx  # noqa: PLC0415

    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Pool:
    """Hands out connections. How many are in use at once is the caller's to limit."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._idle: dict[Origin, list[Wire]] = defaultdict(list)

    async def take(self, origin: Origin, *, fresh: bool = False) -> tuple[Wire, bool]:
        """A connection, and whether it was used before. With `fresh` it was not."""
        idle = self._idle[origin]
        while idle and not fresh:
            wire = idle.pop()
            if not wire.closed and time.monotonic() - wire.idle_since < _IDLE_SECONDS:
                return wire, True
            await wire.close()
        return await self._connect(origin), False

    def give_back(self, origin: Origin, wire: Wire) -> None:
        """Keep a connection for the next call where it can be used again, else drop it."""
        if wire.reusable:
            wire.park()
            self._idle[origin].append(wire)
        else:
            wire.abort()

    async def close(self) -> None:
        """Close what is idle."""
        wires = [wire for idle in self._idle.values() for wire in idle]
        self._idle.clear()
        await asyncio.gather(*(wire.close() for wire in wires))

    async def _connect(self, origin: Origin) -> Wire:
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        secure = origin.scheme == "https"
        for address in await self._guard.addresses(origin):
            try:
                _, wire = await loop.create_connection(
                    Wire,
                    address,
                    origin.port,
                    ssl=_tls() if secure else None,
                    server_hostname=origin.host if secure else None,
                )
            except OSError as error:
                failure = error
                continue
            return wire
        raise failure or OSError(f"no address for {origin.host}")
