"""How the account's brands stand (https://developer.zendesk.com/api-reference/ticketing/account-configuration/brands/).

The first is the account itself. The second has a help center at a host of its own, on another port here; of the others one has
a help center that is not open, and one has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sandbox.data import library

#: The second brand.
BRANCH = library.branch().product
State = Literal["enabled", "disabled", "restricted"]


@dataclass(slots=True)
class Brand:
    """One brand, by its key among the products."""

    key: str
    subdomain: str
    help_center_state: State = "disabled"
    has_help_center: bool = False
    active: bool = True
    host_mapping: str | None = None


def brands_of(products: Iterable[str], subdomain: str, *, one: bool) -> dict[str, Brand]:
    """The brands of a fresh account; the default one has the account's own subdomain."""
    default, *others = products
    brands = {default: Brand(default, subdomain, "enabled", has_help_center=True)}
    if one:
        return brands
    brands |= {key: Brand(key, f"{subdomain}-{key}") for key in others}
    branch, closed = brands[BRANCH], next(brand for brand in brands.values() if brand.key not in (default, BRANCH))
    branch.has_help_center, branch.help_center_state, branch.host_mapping = True, "enabled", "help.hanbitpay.example"
    closed.has_help_center, closed.help_center_state = True, "restricted"
    return brands
