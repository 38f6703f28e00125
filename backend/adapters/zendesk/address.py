"""Which addresses are Zendesk's: `*.zendesk.com`, or what the operator allows (SPEC D1)."""

from typing import Final

from backend.adapters.http.address import Addresses

ZENDESK_ADDRESSES: Final = Addresses(vendor="Zendesk", suffix=".zendesk.com", api="/api/v2")
