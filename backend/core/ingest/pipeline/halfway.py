"""Answers of an item that takes many calls, kept as files of the tenant until the item is stored."""

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import zstandard

from backend.core import clock, ids
from backend.core.ingest.pipeline.settling import SETTLING
from backend.core.model.sync import ItemRef
from backend.core.ports.blobs import BlobStore

PLACE: Final = "halfway"
"""Begins the keys of what is kept of half-read items in a tenant's blobs."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class KeptAnswers:
    """Halfway over a tenant's files: `halfway/<connection>/<item>/<version>/<number>`.

    Which there are is looked up once, with the first item that asks: nearly always there is none.
    """

    def __init__(self, blobs: BlobStore, connection_id: str) -> None:
        self._blobs = blobs
        self._folder = folder_of(connection_id)
        self._known: set[str] | None = None
        self._looking = asyncio.Lock()

    async def get(self, ref: ItemRef, changed_at: datetime, number: int) -> bytes | None:
        """What was kept under this number; None where nothing was, or where it can't be read."""
        known = await self._keys()
        if not known or (key := self._key(ref, changed_at, number)) not in known:
            return None
        packed = await self._blobs.get(key)
        try:
            return None if packed is None else zstandard.decompress(packed)
        except zstandard.ZstdError:
            # A power cut may leave a file empty: these are not forced to the disk.
            return None

    async def put(self, ref: ItemRef, changed_at: datetime, number: int, data: bytes) -> None:
        """Keep an answer, unless the item changed only just now."""
        if clock.now() - changed_at <= SETTLING:
            return
        key = self._key(ref, changed_at, number)
        known = await self._keys()
        await self._blobs.put(key, zstandard.compress(data))
        known.add(key)

    async def drop(self, refs: Iterable[ItemRef]) -> None:
        """These items are stored, or gone: what was kept of them, in whatever version, is not needed any more."""
        if not self._known:
            return
        for ref in refs:
            folder = self._folder_of(ref)
            if dropped := {key for key in self._known if key.startswith(f"{folder}/")}:
                await self._blobs.delete(folder)
                self._known -= dropped

    async def clear(self) -> None:
        """Everything was read to its end: nothing of the connection is needed any more."""
        await self._blobs.delete(self._folder)
        self._known = set()

    async def _keys(self) -> set[str]:
        async with self._looking:
            if self._known is None:
                self._known = set(await self._blobs.list(self._folder))
            return self._known

    def _key(self, ref: ItemRef, changed_at: datetime, number: int) -> str:
        return f"{self._folder_of(ref)}/{changed_at:%Y%m%dT%H%M%S.%f}/{number:05d}.zst"

    def _folder_of(self, ref: ItemRef) -> str:
        # An id is the platform's own text, and need not be a good name for a folder.
        name = ref.original_id if _PLAIN.fullmatch(ref.original_id) else ids.text_hash(ref.original_id)
        return f"{self._folder}/{ref.doc_type.value}-{name}"


def folder_of(connection_id: str) -> str:
    """Where a connection's answers are."""
    return f"{PLACE}/{connection_id}"
