"""The account's brands: their names, and where the help centers of further ones are.

https://developer.zendesk.com/api-reference/ticketing/account-configuration/brands/
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from backend.adapters.http.once import Once
from backend.adapters.http.origin import Origin, is_listed
from backend.adapters.zendesk.address import ZENDESK_ADDRESSES
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, ident, text

_CLOSED: Final = frozenset({"disabled", "restricted"})
"""States of a help center that customers can't read: it is not read either."""


class Place(Struct, frozen=True):
    """Where an API is: its host, and a path before the API's."""

    origin: Origin
    prefix: str = ""


class Address(Struct, frozen=True, kw_only=True):
    """The connection's own address, from which those of further brands follow."""

    domain: str
    place: Place
    allowed: frozenset[str] = frozenset()
    """The operator's allow-list."""

    def of(self, brand: Record) -> Place | None:
        """Where a brand's API is; None where the credential may not go.

        At Zendesk that is the host below zendesk.com of its `subdomain`, whatever its `brand_url` and `host_mapping` say. Where
        the operator has named another address in place of Zendesk's, such as a sandbox's, the `brand_url` counts if it is allowed.
        """
        if self.is_vendors:
            origin = ZENDESK_ADDRESSES.account(text(brand, "subdomain"))
            return None if origin is None else Place(origin)
        found = ZENDESK_ADDRESSES.allowed(text(brand, "brand_url"), self.allowed)
        return None if found is None else Place(*found)

    def may_have(self, origin: Origin) -> bool:
        """Whether a brand may be there."""
        return ZENDESK_ADDRESSES.owns(origin) if self.is_vendors else is_listed(origin, self.allowed)

    @property
    def is_vendors(self) -> bool:
        """Whether Zendesk itself is called, and not what the operator named in its place."""
        return ZENDESK_ADDRESSES.owns(self.place.origin)


class Branch(Struct, frozen=True, kw_only=True):
    """A further brand with a help center that is open."""

    brand_id: str
    name: str
    place: Place | None
    """None where the credential may not go."""


class BrandList(Struct, frozen=True, kw_only=True):
    """The brands as Zendesk told them."""

    records: tuple[Record, ...] = ()
    told: bool = True
    """Whether we may know them at all."""

    @property
    def alone(self) -> bool:
        """Whether there is no second one."""
        return len(self.records) < 2

    @property
    def names(self) -> dict[str, str]:
        """The names by id; an account of one brand only has no products to tell apart."""
        found = {key: text(record, "name") for record in self.records if (key := ident(record, "id")) is not None and text(record, "name")}
        return found if len(found) > 1 else {}


class Brands:
    """One account's brands, asked for once for all who need them."""

    def __init__(self, client: ZendeskClient, address: Address) -> None:
        self._client = client
        self._address = address
        self._list: Once[BrandList] = Once(self._load)

    async def get(self) -> BrandList:
        """All of them."""
        return await self._list.get()

    @property
    def known(self) -> BrandList | None:
        """As they were told last; None while nobody asked."""
        return self._list.known

    async def _load(self) -> BrandList:
        found = await self._client.everything("/brands.json", "brands", optional=True)
        return BrandList(records=tuple(found), told="brands" not in self._client.refused)


def own_of(records: Sequence[Record], address: Address) -> Record | None:
    """The brand whose host the connection names; the default one where none has that name, as with a sandbox."""
    origin = ZENDESK_ADDRESSES.account(address.domain.removesuffix(ZENDESK_ADDRESSES.suffix))
    named = (record for record in records if origin is not None and ZENDESK_ADDRESSES.account(text(record, "subdomain")) == origin)
    default = (record for record in records if record.get("default") is True)
    return next(named, None) or next(default, None) or next(iter(records), None)


def branches_of(records: Sequence[Record], address: Address) -> tuple[Branch, ...]:
    """The further brands that have an open help center, each once."""
    own = own_of(records, address)
    found: dict[str, Branch] = {}
    for record in records:
        key = ident(record, "id")
        if key is None or record is own or not _is_open(record):
            continue
        place = address.of(record)
        # Two names of one host are one help center, and so is our own under another name.
        if place is None or place not in (address.place, *(each.place for each in found.values())):
            found.setdefault(key, Branch(brand_id=key, name=text(record, "name") or text(record, "subdomain") or key, place=place))
    return tuple(found.values())


def _is_open(record: Record) -> bool:
    """Whether there is a help center that customers can read. A state that we don't know is left to its host to tell."""
    if record.get("active") is False or record.get("is_deleted") is True or text(record, "help_center_state") in _CLOSED:
        return False
    has = record.get("has_help_center")
    return has is True or (has is None and text(record, "help_center_state") == "enabled")
