"""Which network addresses a connection may reach: nobody is led into the operator's own network (SSRF, SPEC D1)."""

import asyncio
import ipaddress
import socket
from typing import Final

from backend.adapters.http.origin import Origin, is_listed
from backend.core.errors import AppError, Code

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class UnknownHostError(OSError):
    """The name system has no such host."""


class Guard:
    """Resolves hosts and refuses private, loopback, link-local and reserved addresses.

    Exempt are the helpdesk's own origin, which `check_address` has passed, and the operator's allow-list.
    """

    def __init__(self, own: Origin, allowed: frozenset[str]) -> None:
        self.own = own
        self._allowed = allowed

    async def addresses(self, origin: Origin) -> list[str]:
        """The addresses to connect to, checked: connecting to these and not to the name leaves no time to rebind it.

        Raises UnknownHostError, OSError where the name system is down, AppError(SOURCE_REQUEST_REFUSED) for a
        forbidden address.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
                raise UnknownHostError(f"no such host: {origin.host}") from error
            raise OSError(f"host name lookup failed: {origin.host}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if origin != self.own and not is_listed(origin, self._allowed) and not all(map(is_public, addresses)):
            raise AppError(
                Code.SOURCE_REQUEST_REFUSED,
                f"The helpdesk points to {origin.host}, which is an address of a private network; it was not called. "
                f"If this is meant, add {origin.authority} to DESKLORE_CONNECTOR_HOST_ALLOWLIST.",
            )
        return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also when it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast
