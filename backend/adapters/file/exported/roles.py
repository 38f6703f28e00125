"""What the files of a connection are in account exports: each is looked into once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import BinaryIO, Final

from backend.adapters.file.declared import Declared
from backend.adapters.file.entries import FileEntry
from backend.adapters.file.exported.reading import UNSEEN, may_be_of_export
from backend.adapters.file.exported.recognized import Readers, Role, completed, folder_of, recognize, role_of
from backend.adapters.file.places.place import Found

_BESIDE: Final = 40
"""So many files of a folder are looked into for a preview."""
_LARGE: Final = 20_000_000
"""Bytes; a larger one is not copied out of a bucket to tell what another file is."""


class Roles:
    """Looks into files by `open_file`, which gives one that is closed here."""

    def __init__(self, readers: Readers, open_file: Callable[[Found], Awaitable[BinaryIO]]) -> None:
        self._readers = readers
        self._open = open_file
        self._seen: dict[tuple[str, str], Role | None] = {}
        """By path and stamp: a look at one file looks at those beside it."""

    async def own(self, files: Sequence[tuple[Found, Declared]], known: Mapping[str, FileEntry]) -> dict[str, Role | None]:
        """What each file that may be of an account export is by itself; those looked into before are not opened again."""
        own: dict[str, Role | None] = {}
        for found, declared in files:
            if self._readers and may_be_of_export(found.path, declared):
                entry = known.get(found.path)
                looked = entry is not None and entry.stamp == found.stamp and entry.role != UNSEEN
                own[found.path] = role_of(entry.role) if entry is not None and looked else await self._role(found)
        return own

    async def beside(self, found: Found, declared: Declared, files: Sequence[tuple[Found, Declared]]) -> Role | None:
        """What one file is, by itself or by the files that lie beside it."""
        if not self._readers or not may_be_of_export(found.path, declared):
            return None
        own = {found.path: await self._role(found)}
        folder = folder_of(found.path)
        near = [
            each
            for each, said in files
            if folder_of(each.path) == folder and each != found and each.size <= _LARGE and may_be_of_export(each.path, said)
        ]
        for each in near[:_BESIDE]:
            # One file that is known to be of an export says enough of all others.
            if any(own.values()):
                break
            own[each.path] = await self._role(each)
        return completed(own, self._readers).get(found.path)

    async def _role(self, found: Found) -> Role | None:
        key = (found.path, found.stamp)
        if key not in self._seen:
            with await self._open(found) as file:
                self._seen[key] = await asyncio.to_thread(recognize, file, found.path, self._readers)
        return self._seen[key]
