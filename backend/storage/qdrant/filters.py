"""Filters as plain conditions, which both engines turn into their own objects."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from backend.core.model.article import Visibility
from backend.core.model.document import DocType
from backend.core.model.search import Filters

CUSTOMER_SAFE: Final = frozenset(Visibility) - {Visibility.INTERNAL}
CUSTOMERS: Final = "customers"
"""Value of the field `audience` of every point that is not INTERNAL; the others have none."""


class AnyOf(Struct, frozen=True):
    """The field (or one of its values) is one of these."""

    key: str
    values: list[str]


class Between(Struct, frozen=True):
    """The number lies in the range, both ends included."""

    key: str
    least: float | None
    most: float | None


class Either(Struct, frozen=True):
    """At least one of these."""

    choices: list[AnyOf]


Condition = AnyOf | Between | Either


class Conditions(Struct, frozen=True):
    """All of `must` and none of `must_not`."""

    must: list[Condition]
    must_not: list[AnyOf]

    def __bool__(self) -> bool:
        return bool(self.must or self.must_not)


def conditions(filters: Filters) -> Conditions:
    """What a point must fulfil."""
    must: list[Condition] = []
    for name, values in (
        ("doc_type", filters.doc_types),
        ("platform", filters.platforms),
        ("status", filters.statuses),
        ("product", filters.products),
        ("tags", filters.tags),
        ("language", filters.languages),
        ("document_id", filters.document_ids),
    ):
        if values:
            must.append(any_of(name, values))
    if filters.updated_from or filters.updated_to:
        must.append(Between("metadata.updated_epoch", _epoch(filters.updated_from), _epoch(filters.updated_to)))
    if set(filters.visibilities) == CUSTOMER_SAFE:
        # The filter of everybody without `internal:read`: as one value of one field it costs half of naming three.
        must.append(any_of("audience", [CUSTOMERS]))
    elif filters.visibilities:
        must.append(any_of("visibility", filters.visibilities))
    if filters.ticket_groups is not None:
        no_ticket = any_of("doc_type", (each for each in DocType if each is not DocType.TICKET))
        must.append(Either([no_ticket, any_of("groups", filters.ticket_groups)]) if filters.ticket_groups else no_ticket)
    must_not = []
    if filters.exclude_platforms:
        must_not.append(any_of("platform", filters.exclude_platforms))
    if filters.exclude_documents:
        must_not.append(any_of("document_id", filters.exclude_documents))
    return Conditions(must, must_not)


def of_documents(document_ids: Collection[str]) -> Conditions:
    """The points of these Documents."""
    return Conditions([any_of("document_id", document_ids)], [])


def any_of(name: str, values: Iterable[str]) -> AnyOf:
    """The metadata field `name` is one of these."""
    return AnyOf(f"metadata.{name}", [str(value) for value in values])


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
