"""Where a tenant's points lie on a server: in a collection of its own, or among others' in one that many share.

In a shared one every point says whose it is, every call is restricted to that here, and its id is made from the tenant's, so that no
filter, no list of ids and no point that somebody hands in reaches another tenant's (docs/decisions/0032).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from backend.core.model.search import Makers, Point
from backend.storage.qdrant import collections
from backend.storage.qdrant.collections import COMPANY_FIELD
from backend.storage.qdrant.filters import AnyOf, Conditions
from backend.storage.qdrant.payload import to_point
from backend.storage.qdrant.requests import chosen, point_struct

POINT_ID: Final = "point_id"
"""Where a point of a shared collection keeps the id that its tenant knows."""
_NAMES: Final = UUID("6e0a2a0d-8a57-4c3b-9a39-0d5c86c1a5f2")


@dataclass(frozen=True, slots=True)
class Room:
    """One tenant's part of a server, by one set of makers."""

    company_id: str
    makers: Makers
    shared: bool = False

    @property
    def collection(self) -> str:
        """The collection it is, or is part of."""
        if self.shared:
            return collections.shared_name(self.makers)
        return collections.collection_name(self.company_id, self.makers)

    def chosen(self, wanted: Conditions | None = None, *, keep: Sequence[str] = ()) -> Any:
        """The filter for the tenant's points that fulfil the conditions and don't have the ids `keep`."""
        wanted = wanted or Conditions([], [])
        if self.shared:
            mine = AnyOf(COMPANY_FIELD, [self.company_id])
            wanted = Conditions([mine, *wanted.must], wanted.must_not)
        return chosen(wanted, keep=[self.stored_id(point_id) for point_id in keep])

    def stored_id(self, point_id: str) -> str:
        """The id under which a point lies there."""
        return str(uuid5(_NAMES, f"{self.company_id}/{point_id}")) if self.shared else point_id

    def known_id(self, stored: Any) -> str:
        """The id of a point that was found, as its tenant knows it."""
        return str(stored.payload[POINT_ID]) if self.shared else str(stored.id)

    def struct(self, point: Point) -> Any:
        """A point as the client takes it."""
        made = point_struct(point, with_dense=self.makers.dense)
        if self.shared:
            made.id = self.stored_id(point.point_id)
            made.payload[POINT_ID] = point.point_id
            made.payload["metadata"]["company_id"] = self.company_id
        return made

    def point(self, record: Any) -> Point:
        """A stored point with its payload and sparse vector."""
        return to_point(self.known_id(record), record.payload or {}, record.vector)
