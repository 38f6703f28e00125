"""The indexes through qdrant-client: on a Qdrant server, or in the client's own in-memory mode."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from backend.core.errors import AppError, Code
from backend.core.model.search import Makers
from backend.storage.qdrant import collections
from backend.storage.qdrant.changes import Changes, CountedChanges
from backend.storage.qdrant.client_index import ClientIndex
from backend.storage.qdrant.rooms import Room
from backend.storage.qdrant.searched import forget, search_in, searched
from backend.storage.qdrant.server import Layout, create, make, told
from backend.storage.qdrant.terms import RememberedTerms

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient


class ClientIndexes:
    """The indexes of all tenants on one Qdrant: a collection for each, or one for many, as the layout says of each tenant.

    `make_client` is called once, at the first use: importing the client takes more than a second. Where other processes
    write to the same indexes, `changes` has to be what all of them see.
    """

    def __init__(
        self,
        make_client: "Callable[[], AsyncQdrantClient]",
        makers: Makers,
        layout: Layout | None = None,
        *,
        changes: Changes | None = None,
    ) -> None:
        self._make_client = make_client
        self._layout = layout or Layout()
        self._client: AsyncQdrantClient | None = None
        self._makers = makers
        self._changes: Changes = changes or CountedChanges()
        self._terms = RememberedTerms()
        self._with_groups: set[str] = set()

    @property
    def makers(self) -> Makers:
        """What makes the vectors of new points."""
        return self._makers

    async def open(self, company_id: str) -> ClientIndex:
        """The tenant's index that is searched. Made at first use."""
        return self._index(await self._searched(company_id))

    async def makers_of(self, company_id: str) -> Makers | None:
        """What made the index that is searched; None where there is none yet."""
        room = await searched(self._connected(), company_id)
        return None if room is None else room.makers

    async def held(self, company_id: str) -> int | None:
        """0 for a tenant that has no index yet; else only counting tells."""
        return 0 if await searched(self._connected(), company_id) is None else None

    async def untidy(self, company_ids: Collection[str]) -> list[str]:
        """Those that have more than one collection, shared ones included: one look at all names instead of one for each tenant."""
        async with told():
            names = [each.name for each in (await self._connected().get_collections()).collections]
        shared = sum(name.startswith(collections.SHARED_PREFIX) for name in names)
        own = Counter(collections.company_of(name) for name in names)
        return [company_id for company_id in company_ids if own[company_id] + shared > 1]

    async def building(self, company_id: str) -> ClientIndex | None:
        """The one by the present makers and in the present layout, where the one that is searched is another."""
        present = self._present(company_id)
        if await self._searched(company_id) == present:
            return None
        await self._made(present)
        return self._index(present)

    async def switch(self, company_id: str) -> None:
        """From now on the one by the present makers is searched, by every process."""
        present = self._present(company_id)
        await self._made(present)
        async with self._changes.of(company_id):
            await search_in(self._connected(), present)

    async def tidy(self, company_id: str) -> None:
        """Delete what is neither searched nor built."""
        await self._delete_all(company_id, but=(await self._searched(company_id), self._present(company_id)))

    async def drop(self, company_id: str) -> None:
        """Delete all collections of the tenant, and with them its alias, and all its points in shared ones."""
        client = self._connected()
        async with told():
            await forget(client, company_id)
        await self._delete_all(company_id)
        self._changes.dropped(company_id)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _present(self, company_id: str) -> Room:
        return Room(company_id, self._makers, shared=self._layout.shares(company_id))

    async def _searched(self, company_id: str) -> Room:
        room = await searched(self._connected(), company_id)
        if room is None:
            room = self._present(company_id)
            await self._made(room)
            await search_in(self._connected(), room)
        return room

    async def _made(self, room: Room) -> None:
        """See to it that the collection is there."""
        client, name = self._connected(), room.collection
        async with told():
            if not await client.collection_exists(name):
                await make(client, name, lambda: create(client, name, room.makers, self._layout, shared=room.shared))

    def _index(self, room: Room) -> ClientIndex:
        present = self._present(room.company_id)
        return ClientIndex(self._connected(), room, beside=present, changes=self._changes, terms=self._terms, with_groups=self._with_groups)

    async def _delete_all(self, company_id: str, but: Collection[Room] = ()) -> None:
        """Raises INDEX_UNAVAILABLE where points of the tenant are left in a shared collection."""
        client, prefix, kept = self._connected(), collections.collection_prefix(company_id), {room.collection for room in but}
        async with told():
            for collection in (await client.get_collections()).collections:
                if collection.name.startswith(prefix) and collection.name not in kept:
                    await client.delete_collection(collection.name)
                elif collection.name.startswith(collections.SHARED_PREFIX) and collection.name not in kept:
                    await self._empty(company_id, collection.name)

    async def _empty(self, company_id: str, shared: str) -> None:
        mine = Room(company_id, self._makers, shared=True).chosen()
        await self._connected().delete(shared, mine, wait=True)
        left = (await self._connected().count(shared, count_filter=mine, exact=True)).count
        if left:
            raise AppError(Code.INDEX_UNAVAILABLE, f"{left} points of {company_id} are left in {shared}: delete it again.")

    def _connected(self) -> "AsyncQdrantClient":
        if self._client is None:
            self._client = self._make_client()
        return self._client
