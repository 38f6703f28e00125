"""Make the items of payloads again, to see by their records who is who."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from backend.core import ids
from backend.core.errors import AppError
from backend.core.ingest.pipeline.kept_names import names_of
from backend.core.ingest.pipeline.person import is_erased, people_of
from backend.core.ingest.pipeline.person_found import Hit
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.article import Article
from backend.core.model.connection import Connection
from backend.core.model.quota import Lane
from backend.core.model.sync import ItemRef
from backend.core.model.ticket import Ticket
from backend.core.ports.services import Services
from backend.core.ports.source import Remakes, Source
from backend.core.text.erased import Marks


class Remaker:
    """Sources that make items again without a call, each opened when it is first needed."""

    def __init__(self, services: Services, company_id: str, connections: Mapping[str, Connection]) -> None:
        self._services = services
        self._company_id = company_id
        self._connections = connections
        self._open: dict[str, Source | None] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for source in self._open.values():
            if source is not None:
                await source.close()

    def platform_of(self, connection_id: str) -> str:
        """The platform of a connection; empty where it is gone."""
        connection = self._connections.get(connection_id)
        return "" if connection is None else connection.platform

    def document_id(self, platform: str, doc_type: str, original_id: str) -> str:
        """Of an item's Document."""
        return ids.document_id(self._company_id, platform, doc_type, original_id)

    async def item(self, connection_id: str, hit: Hit) -> Ticket | Article | None:
        """The item of a payload; None where the source makes none again, or not of this one."""
        source = await self._source(connection_id)
        if not isinstance(source, Remakes):
            return None
        ref = ItemRef(doc_type=hit.doc_type, original_id=hit.original_id, version=hit.version)
        try:
            return (await source.remake(ref, hit.raw)).item
        except AppError:
            return None

    @staticmethod
    def names_in(item: Ticket | Article, marks: Marks) -> frozenset[str]:
        """The names that the item's records give erased people."""
        return frozenset(person.name for person in people_of(item) if person.name and is_erased(marks, person))

    async def _source(self, connection_id: str) -> Source | None:
        if connection_id not in self._open:
            connection = self._connections.get(connection_id)
            self._open[connection_id] = None if connection is None else await self._opened(connection)
        return self._open[connection_id]

    async def _opened(self, connection: Connection) -> Source | None:
        try:
            source = await open_source(self._services, self._company_id, connection, Lane.BACKFILL)
        except AppError:
            # Without its credentials a connection's payloads are read as they are.
            return None
        names = await names_of(self._services.blobs.open(self._company_id), connection)
        if names is not None and isinstance(source, Remakes):
            source.recall(names)
        return source
