"""What the ids in Zendesk's tickets stand for, read once per Source and kept for a while."""

from msgspec import Struct

from backend.adapters.http.together import together
from backend.adapters.zendesk.brands import BrandList, Brands
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, ident, records, text


class Field(Struct, frozen=True):
    """A custom field: its title, and what its choices are called."""

    title: str
    options: dict[str, str]
    """Value, which Zendesk keeps as a tag -> name."""


class Names(Struct, frozen=True, kw_only=True):
    """Labels by id."""

    fields: dict[str, Field]
    statuses: dict[str, str]
    """Of custom statuses, as agents see them."""
    groups: dict[str, str]
    brands: dict[str, str]


async def load_names(client: ZendeskClient, brands: Brands) -> Names:
    """The account's names; a list that may not be read leaves its names out."""
    fields, statuses, groups, found = await together(
        client.everything("/ticket_fields.json", "ticket_fields", optional=True),
        client.everything("/custom_statuses.json", "custom_statuses", optional=True),
        client.everything("/groups.json", "groups", optional=True),
        _records(brands),
    )
    return Names(
        fields=fields_of(fields),
        statuses=_named(statuses, "agent_label"),
        groups=_named(groups, "name"),
        brands=BrandList(records=tuple(found)).names,
    )


async def _records(brands: Brands) -> list[Record]:
    return list((await brands.get()).records)


def fields_of(found: list[Record]) -> dict[str, Field]:
    """Custom fields by id (https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/); two of one title keep apart."""
    fields: dict[str, Field] = {}
    titles: set[str] = set()
    for record in found:
        key = ident(record, "id")
        # What the system itself has can't be removed, and stands in the ticket under a name of its own.
        if key is None or record.get("removable") is False:
            continue
        title = text(record, "title") or text(record, "raw_title") or key
        title = f"{title} ({key})" if title in titles else title
        titles.add(title)
        options = {text(option, "value"): text(option, "name") for option in records(record, "custom_field_options")}
        fields[key] = Field(title, options)
    return fields


def _named(found: list[Record], field: str) -> dict[str, str]:
    return {key: text(record, field) for record in found if (key := ident(record, "id")) is not None and text(record, field)}
