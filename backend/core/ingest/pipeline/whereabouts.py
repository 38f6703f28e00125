"""Which items each file of the raw archive holds, kept beside the archive: to erase some, only their files have to be read.

It is a memory and not the truth. A file that it does not know is read, and known from then on; where it is lost or damaged, all
are read once more. Files of the archive never gain an item, so what it says of one is never too little.
"""

import hashlib
from collections.abc import Collection, Iterable
from typing import Final

import msgspec
import zstandard

from backend.core.model.connection import Connection
from backend.core.ports.blobs import BlobStore

_MARK: Final = 8
"""Bytes of an item's mark: two items of one are so seldom that a file more that is read does not count."""


class Whereabouts:
    """What is known of the files of one connection's archive, by their names."""

    def __init__(self, blobs: BlobStore, connection: Connection) -> None:
        self._blobs = blobs
        self._key = key_of(connection)
        self._files: dict[str, bytes] = {}
        self._changed = False

    async def load(self, names: Collection[str]) -> None:
        """Take up what was kept of the files that are there."""
        packed = await self._blobs.get(self._key)
        try:
            kept = {} if packed is None else msgspec.msgpack.decode(zstandard.decompress(packed), type=dict[str, bytes])
        except (zstandard.ZstdError, msgspec.DecodeError):
            kept = {}
        there = set(names)
        self._files = {name: marks for name, marks in kept.items() if name in there}
        self._changed = len(self._files) != len(kept)

    def may_hold(self, name: str, marks: Collection[bytes]) -> bool:
        """Whether a file holds one of these items, or nobody knows."""
        held = self._files.get(name)
        return held is None or any(held[at : at + _MARK] in marks for at in range(0, len(held), _MARK))

    def note(self, name: str, marks: Iterable[bytes]) -> None:
        """These and no others are in a file, or were once."""
        if name not in self._files:
            self._files[name] = b"".join(sorted(set(marks)))
            self._changed = True

    async def save(self) -> None:
        """Keep it, where something is new."""
        if self._changed:
            await self._blobs.put(self._key, zstandard.compress(msgspec.msgpack.encode(self._files)))
            self._changed = False


def mark_of(beginning: bytes) -> bytes:
    """An item's mark, of how its lines begin."""
    return hashlib.sha256(beginning).digest()[:_MARK]


def key_of(connection: Connection) -> str:
    """Where it is kept."""
    return f"whereabouts/{connection.platform}/{connection.connection_id}.zst"
