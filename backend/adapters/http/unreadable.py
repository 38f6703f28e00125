"""The errors for answers that came, and are not what an API answers: a web page, or JSON that can't be read."""

from typing import Final

from backend.core.errors import AppError, Code

_KEPT_BODY: Final = 1_000_000
"""Bytes of an unreadable answer kept with its failure."""


def web_page(vendor: str, host: str, body: bytes) -> AppError:
    """A page of some proxy, of a log-in or a maintenance."""
    message = (
        f"{host} answers with a web page instead of API data: it is not {vendor}'s API, or under maintenance. "
        "The next run asks again; if it lasts, check the address, and look for a proxy on the way."
    )
    return AppError(Code.SOURCE_MALFORMED, message, details={"reason": "html"}, raw=body[:_KEPT_BODY])


def broken_json(vendor: str, path: str, why: str, body: bytes) -> AppError:
    """JSON that breaks off or never was any, from a path of the API."""
    message = (
        f"{vendor}'s answer to {path} is JSON that can't be read ({why}). The next run asks again; "
        f"if it lasts, look for a proxy on the way, or tell {vendor}'s support."
    )
    return AppError(Code.SOURCE_MALFORMED, message, details={"reason": "json"}, raw=body[:_KEPT_BODY])
