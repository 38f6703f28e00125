"""Where a server is: scheme, host and port, and whether the operator allows it."""

import re
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*|[0-9a-f:]*:[0-9a-f:.]*")
"""As long as names may be (RFC 1035, section 2.3.4): a longer one can't even be looked up."""
_BLANK: Final = re.compile(r"[\x00-\x20\x7f]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(Struct, frozen=True):
    """Scheme, host (lower case, IPv6 without brackets) and port: what a credential and a connection belong to."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As a `Host` header and a URL have it: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def split_url(url: str) -> tuple[Origin, str]:
    """The origin and the target (path and query) of an absolute http or https URL.

    Raises ValueError for anything else, such as a URL with a user name, another scheme or a bad port.
    """
    if _BLANK.search(url):
        raise ValueError("white space in a URL")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower().rstrip(".")
    if scheme not in _DEFAULT_PORTS or parts.username is not None or parts.password is not None:
        raise ValueError("not a plain http or https URL")
    if not _HOST.fullmatch(host):
        raise ValueError("not a host name")
    port = parts.port if parts.port is not None else _DEFAULT_PORTS[scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # What a vendor puts into a signed URL unescaped (Korean file names) is sent as UTF-8, escaped.
    return Origin(scheme, host, port), _escaped(target)


def _escaped(target: str) -> str:
    if target.isascii():
        return target
    return "".join(c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in target)


def is_listed(origin: Origin, allowed: frozenset[str]) -> bool:
    """Whether the operator's allow-list names the origin, as `host` (every port) or `host:port`."""
    return origin.host in allowed or f"{origin.host}:{origin.port}" in allowed or f"[{origin.host}]:{origin.port}" in allowed
