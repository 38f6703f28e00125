"""Which network addresses a connection may reach: nobody is led into the operator's own network (SSRF, SPEC D1)."""

import ipaddress
import socket
from typing import Any, Final

from backend.adapters.http.failures import ForbiddenAddressError
from backend.adapters.http.origin import Origin, is_listed
from backend.core.errors import AppError, Code

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All that is given out: https://www.iana.org/assignments/ipv6-address-space. Whatever else there is leads nowhere, or home."""


class Guard:
    """Says which origins are the helpdesk's own, which `check_address` has passed: the credential goes to them only.

    They and the operator's allow-list may be at any address; connections to all others are made with `public_socket`.
    """

    def __init__(self, own: Origin, allowed: frozenset[str]) -> None:
        self.own = own
        self._allowed = allowed
        self._beside: set[Origin] = set()

    def admit(self, origin: Origin) -> None:
        """Take another host of the same account for the helpdesk's own. Who calls has checked that it is the vendor's or the operator's."""
        self._beside.add(origin)

    def owns(self, origin: Origin) -> bool:
        """Whether the origin is the helpdesk's own, and may be sent the credential."""
        return origin == self.own or origin in self._beside

    def trusts(self, origin: Origin) -> bool:
        """Whether the origin may be at a private address."""
        return self.owns(origin) or is_listed(origin, self._allowed)

    def refusal(self, origin: Origin) -> AppError:
        """The error for an origin that turned out to be at a private address."""
        return AppError(
            Code.SOURCE_REQUEST_REFUSED,
            f"The helpdesk points to {origin.host}, which is an address of a private network; it was not called. "
            f"If this is meant, add {origin.authority} to DESKLORE_CONNECTOR_HOST_ALLOWLIST.",
        )


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for an entry of `getaddrinfo`, refused for private, loopback, link-local and reserved addresses.

    It is made for the very address that is connected to next, which leaves no time to point the name elsewhere.
    Raises ForbiddenAddressError.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        # One text for all: several addresses refused alike stay this error where the connector gathers them.
        raise ForbiddenAddressError("an address of a private network")
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also when it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        return ip.is_global and ip in _UNICAST
    return ip.is_global and not ip.is_multicast
