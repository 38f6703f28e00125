"""Which addresses are a vendor's: `acme` below its own domain, or what the operator allows (SPEC D1)."""

import re
from typing import Final

from msgspec import Struct

from backend.adapters.http.origin import Origin, is_listed, split_url
from backend.core.errors import AppError, Code

_SETTING: Final = "DESKLORE_CONNECTOR_HOST_ALLOWLIST"
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Addresses(Struct, frozen=True, kw_only=True):
    """Where one vendor's accounts are."""

    vendor: str
    suffix: str
    """Of every account's host, such as `.zendesk.com`."""
    api: str
    """The path below which the API is; left out of a base URL that has it."""

    def check(self, domain: str, base_url: str | None, allowed: frozenset[str]) -> str:
        """The normalized domain, such as `acme.zendesk.com`, from `acme`, the host or the whole URL.

        Raises HOST_NOT_ALLOWED where the domain is not the vendor's, or the base URL (or the domain) not the operator's.
        """
        host = self._host(domain, allowed)
        if base_url:
            self._base(base_url, allowed)
        return host

    def origin_of(self, domain: str, base_url: str | None, allowed: frozenset[str]) -> tuple[Origin, str]:
        """Where the API is: its origin, and a path before the API's where the base URL has one."""
        host = self.check(domain, base_url, allowed)
        if base_url:
            return self._base(base_url, allowed)
        return split_url(f"https://{host}")[0], ""

    def account(self, name: str) -> Origin | None:
        """Where the account of a bare name is, such as `acme`; None for what is no such name."""
        given = name.strip().lower()
        return split_url(f"https://{given}{self.suffix}")[0] if _SUBDOMAIN.fullmatch(given) else None

    def owns(self, origin: Origin) -> bool:
        """Whether an origin is the vendor's own, and not one that the operator allows."""
        return origin.host.endswith(self.suffix)

    def allowed(self, url: str, allowed: frozenset[str]) -> tuple[Origin, str] | None:
        """The origin and path of a base URL where the operator's allow-list names it; else None."""
        try:
            return self._base(url, allowed)
        except AppError:
            return None

    def _host(self, domain: str, allowed: frozenset[str]) -> str:
        given = domain.strip().lower().rstrip(".")
        if _SUBDOMAIN.fullmatch(given) and given not in allowed:
            given += self.suffix
        try:
            origin, _ = split_url(given if "://" in given else f"https://{given}")
        except ValueError:
            raise self._refused(f"{domain!r} is not a {self.vendor} domain") from None
        if origin.host.endswith(self.suffix) and _SUBDOMAIN.fullmatch(origin.host.removesuffix(self.suffix)) and origin.port in (80, 443):
            return origin.host
        if is_listed(origin, allowed):
            return origin.authority
        raise self._refused(f"the host {origin.authority} is not a {self.vendor} domain")

    def _base(self, base_url: str, allowed: frozenset[str]) -> tuple[Origin, str]:
        try:
            origin, target = split_url(base_url.strip())
        except ValueError:
            raise self._refused(f"{base_url!r} is not an http or https address") from None
        if not is_listed(origin, allowed):
            raise self._refused(f"the base URL's host {origin.authority} is not allowed")
        path = target.partition("?")[0].rstrip("/")
        return origin, path.removesuffix(self.api)

    def _refused(self, why: str) -> AppError:
        return AppError(
            Code.HOST_NOT_ALLOWED,
            f"{why[0].upper()}{why[1:]}. Use your own `acme{self.suffix}`; the operator can allow another host by naming it "
            f"(`host` or `host:port`) in {_SETTING}.",
            details={"setting": _SETTING},
        )
