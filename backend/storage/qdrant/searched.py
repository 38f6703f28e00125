"""Which of a tenant's rooms on a server is searched: an alias names a collection of its own, a point of its own a part of a shared one."""

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import msgspec

from backend.core.model.search import Makers
from backend.storage.qdrant import collections
from backend.storage.qdrant.collections import SEARCHED
from backend.storage.qdrant.rooms import Room
from backend.storage.qdrant.server import MAKERS_KEY, make, point_alias, remove_alias, told

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

_NAMES = UUID("c1c7c0f8-0f5b-4a86-93c7-5d2b7f1c3a55")


async def searched(client: "AsyncQdrantClient", company_id: str) -> Room | None:
    """The room that is searched; None for a tenant that has none yet. The alias goes before the point."""
    alias = collections.alias_name(company_id)
    async with told():
        if await client.collection_exists(alias):
            named = (await client.get_collection(alias)).config.metadata or {}
            return Room(company_id, msgspec.convert(named[MAKERS_KEY], Makers))
        if not await client.collection_exists(SEARCHED):
            return None
        found = await client.retrieve(SEARCHED, [_id(company_id)], with_payload=True)
    if not found:
        return None
    return Room(company_id, msgspec.convert((found[0].payload or {})[MAKERS_KEY], Makers), shared=True)


async def search_in(client: "AsyncQdrantClient", room: Room) -> None:
    """Let this one be searched from now on, at once and for every process. Each way the last step decides, and may be given again."""
    from qdrant_client import models  # noqa: PLC0415 - importing the client takes more than a second

    async with told():
        alias = collections.alias_name(room.company_id)
        if not room.shared:
            await point_alias(client, alias, room.collection)
            await forget(client, room.company_id)
            return
        if not await client.collection_exists(SEARCHED):
            await make(client, SEARCHED, lambda: client.create_collection(SEARCHED, vectors_config={}))
        payload = {"company_id": room.company_id, MAKERS_KEY: msgspec.to_builtins(room.makers)}
        await client.upsert(SEARCHED, [models.PointStruct(id=_id(room.company_id), vector={}, payload=payload)], wait=True)
        await remove_alias(client, alias)


async def forget(client: "AsyncQdrantClient", company_id: str) -> None:
    """The tenant's point is not asked for any more."""
    # Loaded when a server is talked to: the embedded mode never needs the client.
    from qdrant_client import models  # noqa: PLC0415

    if await client.collection_exists(SEARCHED):
        mine = models.Filter(must=[models.HasIdCondition(has_id=[_id(company_id)])])
        await client.delete(SEARCHED, models.FilterSelector(filter=mine), wait=True)


def _id(company_id: str) -> str:
    return str(uuid5(_NAMES, company_id))
