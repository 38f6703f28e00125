"""What people uploaded for a connection, out of the company's own files."""

import contextlib
import tempfile
from collections.abc import Sequence
from typing import BinaryIO, Final

from backend.adapters.file.places.place import Found, gone
from backend.core.errors import AppError, Code
from backend.core.model.upload import latest, upload_at, uploads_of
from backend.core.ports.blobs import BlobStore

PREFIX: Final = "upload:"
"""Before the path of an upload, so that it is never taken for a file of the connection's folder."""


class UploadsPlace:
    """The uploads of one connection."""

    name = "uploads"

    def __init__(self, blobs: BlobStore, platform: str, connection_id: str) -> None:
        self._blobs = blobs
        self._platform = platform
        self._connection_id = connection_id

    async def list(self) -> Sequence[Found]:
        """All of them, by path."""
        keys = await self._blobs.list(uploads_of(self._platform, self._connection_id))
        return [
            Found(
                path=f"{PREFIX}{each.path}",
                size=each.size,
                stamp=each.key(self._platform, self._connection_id),
                modified=each.uploaded_at,
            )
            for each in latest(keys, self._platform, self._connection_id)
        ]

    async def open(self, found: Found) -> BinaryIO:
        """A copy on this machine that goes when it is closed."""
        if upload_at(found.stamp, self._platform, self._connection_id) is None:
            raise gone(found.path)
        with contextlib.ExitStack() as unless_given:
            # Whatever stops us, nobody else closes what nobody got.
            copy = unless_given.enter_context(tempfile.TemporaryFile())
            try:
                async for piece in self._blobs.read(found.stamp):
                    copy.write(piece)
            except AppError as error:
                if error.code is Code.ATTACHMENT_NOT_FOUND:
                    raise gone(found.path) from None
                raise
            copy.seek(0)
            unless_given.pop_all()
        return copy

    async def close(self) -> None:
        """Nothing is held."""
