"""Which addresses are Freshdesk's: `*.freshdesk.com`, or what the operator allows (SPEC D1)."""

from typing import Final

from backend.adapters.http.address import Addresses

FRESHDESK_ADDRESSES: Final = Addresses(vendor="Freshdesk", suffix=".freshdesk.com", api="/api/v2")
check_address: Final = FRESHDESK_ADDRESSES.check
origin_of: Final = FRESHDESK_ADDRESSES.origin_of
