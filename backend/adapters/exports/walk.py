"""Walk through the files of an export, block by block, from any place: a killed import goes on where it stood."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from msgspec import Struct

from backend.adapters.archive import DAMAGED, Archive, Member
from backend.adapters.exports.records import Found, read_records
from backend.core.errors import AppError

BLOCK: Final = 100
"""Records read at once."""
_BLOCK_BYTES: Final = 8_000_000
"""A block ends earlier where its records are long."""


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a walk stands: so many records of this file were read."""

    file: int = 0
    record: int = 0


class Row(Struct, frozen=True):
    """A record and where it stands; `number` counts from 1."""

    file: str
    number: int
    record: dict[str, Any] | None
    raw: bytes
    problem: str

    @property
    def where(self) -> str:
        """As people are told."""
        return f"record {self.number:,} of {self.file}"


class Walk:
    """Reads the records of some files of an archive in order. To be closed."""

    def __init__(self, archive: Archive, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        self._archive = archive
        self._bytes = sum(member.size for member in members) or 1
        self._turn = threading.Lock()
        self._at = Place()
        self._held = 0
        """Bytes of the block that is being read."""
        self._records: Iterator[Found] | None = None
        self._stream: IO[bytes] | None = None

    async def read(self, place: Place) -> tuple[list[Row], Place]:
        """The next block behind a place, beside the event loop, and the place behind it; no rows at the end."""
        return await asyncio.to_thread(self._read, place)

    def share(self) -> float:
        """About how much of the files was read, from 0 to 1."""
        before = sum(member.size for member in self.members[: self._at.file])
        within = self._stream.tell() if self._stream is not None else 0
        return min(1.0, (before + within) / self._bytes)

    def close(self) -> None:
        """Let go of the file that is being read."""
        with self._turn:
            self._leave()

    def _read(self, place: Place) -> tuple[list[Row], Place]:
        rows: list[Row] = []
        with self._turn:
            self._held = 0
            if place != self._at:
                self._leave()
                self._at = place
            while self._at.file < len(self.members) and len(rows) < BLOCK and self._held < _BLOCK_BYTES:
                row = self._next()
                if row is not None:
                    rows.append(row)
            return rows, self._at

    def _next(self) -> Row | None:
        """The next record; None where the file is at its end. What can't be read any further ends the file and is told as a row."""
        member = self.members[self._at.file]
        try:
            if self._records is None:
                self._stream = self._archive.open(member)
                self._records = read_records(self._stream, member.base, self._at.record)
            found = next(self._records, None)
        except (AppError, *DAMAGED) as error:
            problem = error.message if isinstance(error, AppError) else f"the archive is damaged here: {error}"
            row = Row(member.base, self._at.record + 1, None, b"", f"{problem} Nothing behind it can be read.")
            self._forward()
            return row
        if found is None:
            self._forward()
            return None
        self._at = Place(self._at.file, self._at.record + 1)
        self._held += found.size
        return Row(member.base, self._at.record, found.record, found.raw, found.problem)

    def _forward(self) -> None:
        self._leave()
        self._at = Place(self._at.file + 1)

    def _leave(self) -> None:
        self._records = None
        if self._stream is not None:
            self._stream.close()
            self._stream = None
