"""Which addresses are Freshdesk's: `*.freshdesk.com`, or what the operator allows (SPEC D1)."""

import re
from typing import Final

from backend.adapters.http.origin import Origin, is_listed, split_url
from backend.core.errors import AppError, Code

SUFFIX: Final = ".freshdesk.com"
_SETTING: Final = "DESKLORE_CONNECTOR_HOST_ALLOWLIST"
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check_address(domain: str, base_url: str | None, allowed: frozenset[str]) -> str:
    """The normalized domain, `acme.freshdesk.com`, from `acme`, the host or the whole URL.

    Raises HOST_NOT_ALLOWED where the domain is not Freshdesk's, or the base URL (or the domain) not the operator's.
    """
    host = _host(domain, allowed)
    if base_url:
        _base(base_url, allowed)
    return host


def origin_of(domain: str, base_url: str | None, allowed: frozenset[str]) -> tuple[Origin, str]:
    """Where the API is: its origin, and a path before `/api` where the base URL has one."""
    host = check_address(domain, base_url, allowed)
    if base_url:
        return _base(base_url, allowed)
    return split_url(f"https://{host}")[0], ""


def _host(domain: str, allowed: frozenset[str]) -> str:
    given = domain.strip().lower().rstrip(".")
    if _SUBDOMAIN.fullmatch(given) and given not in allowed:
        given += SUFFIX
    try:
        origin, _ = split_url(given if "://" in given else f"https://{given}")
    except ValueError:
        raise _refused(f"{domain!r} is not a Freshdesk domain") from None
    if origin.host.endswith(SUFFIX) and _SUBDOMAIN.fullmatch(origin.host.removesuffix(SUFFIX)) and origin.port in (80, 443):
        return origin.host
    if is_listed(origin, allowed):
        return origin.authority
    raise _refused(f"the host {origin.authority} is not a Freshdesk domain")


def _base(base_url: str, allowed: frozenset[str]) -> tuple[Origin, str]:
    try:
        origin, target = split_url(base_url.strip())
    except ValueError:
        raise _refused(f"{base_url!r} is not an http or https address") from None
    if not is_listed(origin, allowed):
        raise _refused(f"the base URL's host {origin.authority} is not allowed")
    path = target.partition("?")[0].rstrip("/")
    return origin, path.removesuffix("/api/v2")


def _refused(why: str) -> AppError:
    return AppError(
        Code.HOST_NOT_ALLOWED,
        f"{why[0].upper()}{why[1:]}. Use your own `acme.freshdesk.com`; the operator can allow another host by naming it "
        f"(`host` or `host:port`) in {_SETTING}.",
        details={"setting": _SETTING},
    )
