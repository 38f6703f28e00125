"""What the ids in payloads stand for, kept beside the archive: the newest names of each connection (SPEC B4)."""

from collections.abc import Sequence

import zstandard

from backend.core.ingest.pipeline.archive import archive_items
from backend.core.ingest.pipeline.person import scrub_raw
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.sync import Run
from backend.core.ports.blobs import BlobStore
from backend.core.ports.source import KnowsNames, Source
from backend.core.text.erased import Marks, Scrubber


class Archiving:
    """Archives what a Source gives, and before it the names that it loads, for nothing can be made again without them."""

    def __init__(self, blobs: BlobStore, connection: Connection, source: Source) -> None:
        self._blobs = blobs
        self._connection = connection
        self._source = source if isinstance(source, KnowsNames) else None
        self._kept: bytes | None = None

    async def keep(self, run: Run, items: Sequence[Taken], erased: Marks) -> None:
        """Keep the payloads of a page, and the names, where some were loaded that are others than those kept; never those of the erased."""
        await self._keep_names(erased)
        await archive_items(self._blobs, self._connection, run, items)

    async def _keep_names(self, erased: Marks) -> None:
        loaded = self._source.names if self._source is not None else None
        if loaded is None or loaded is self._kept:
            return
        names = (scrub_raw(Scrubber(erased), loaded) or loaded) if erased else loaded
        if names != await names_of(self._blobs, self._connection):
            await self._blobs.put(key_of(self._connection), zstandard.compress(names))
        self._kept = loaded


async def names_of(blobs: BlobStore, connection: Connection) -> bytes | None:
    """What was kept; None where nothing was, or where it can't be read."""
    packed = await blobs.get(key_of(connection))
    try:
        return None if packed is None else zstandard.decompress(packed)
    except zstandard.ZstdError:
        return None


def key_of(connection: Connection) -> str:
    """Where a connection's names are."""
    return f"names/{connection.platform}/{connection.connection_id}.json.zst"
