"""A file of tickets looked through, its rows put into the catalog: in pieces, several of them in other processes at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from backend.adapters.exports.reader import ExportReader
from backend.adapters.file.catalog import Catalog
from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import Scanned, Sheet, key_of_unread, scan_piece, scan_rest, scanned
from backend.adapters.file.tables.opened import Table
from backend.core.ports.compute import Compute

PIECE: Final = 1 << 19
"""Bytes that are looked through in one go; a trip to another process costs a thousandth of that."""
_WORTH_A_TRIP: Final = 1 << 16
"""Smaller files are looked through in a thread: a process has to be started first."""
_AHEAD: Final = 4
"""Pieces under way: enough for every process, and few enough that memory does not depend on how large the file is."""

_Under = tuple[int, asyncio.Future[bytes | None]]


class Filling:
    """One file on its way into the catalog."""

    def __init__(
        self,
        catalog: Catalog,
        found: Found,
        table: Table,
        sheet: Sheet,
        *,
        mark: str = "",
        compute: Compute | None = None,
        piece: int = PIECE,
    ) -> None:
        self._catalog = catalog
        self._found = found
        self._mark = mark
        self.reader: ExportReader | None = None
        """Of a part of an account export."""
        self._table = table
        self._sheet = sheet
        self._compute = compute
        self._piece = piece
        self._file = 0
        self._number = sheet.layout.first
        """Of the row that comes next."""

    async def fill(self, beside: Callable[[str], str | None]) -> None:
        """Put every row of the file in; `beside` finds the files that rows name. Stopped in the middle, all stays as it was."""
        self._file = await asyncio.to_thread(self._catalog.begin, self._found, self._mark, self._sheet)
        filled = False
        try:
            await self._fill(beside)
            await asyncio.to_thread(self._catalog.end, self._file, self._found)
            filled = True
        finally:
            if not filled:
                await asyncio.to_thread(self._catalog.drop_unfinished, self._found)

    async def _fill(self, beside: Callable[[str], str | None]) -> None:
        under: deque[_Under] = deque()
        pieces = self._table.pieces(self._piece)
        more = True
        try:
            while more or under:
                if more and len(under) < _AHEAD:
                    piece = await asyncio.to_thread(next, pieces, None)
                    more = piece is not None and not piece[2]
                    if piece is not None:
                        under.append((piece[0], asyncio.ensure_future(self._scan(piece[1], last=piece[2]))))
                    continue
                begin, scanning = under.popleft()
                packed = await scanning
                if packed is None:
                    # A row goes on behind its piece, or a quotation mark was never closed: only the file as a whole tells.
                    await asyncio.to_thread(self._fill_rest, begin, beside)
                    return
                await asyncio.to_thread(self._add, scanned(packed), beside, begin)
        finally:
            for _, scanning in under:
                scanning.cancel()
            await asyncio.gather(*(scanning for _, scanning in under), return_exceptions=True)

    async def _scan(self, data: bytes, *, last: bool) -> bytes | None:
        if self._compute is None or len(data) < _WORTH_A_TRIP:
            return await asyncio.to_thread(scan_piece, self._sheet, data, last=last, reader=self.reader)
        return await self._compute.run_whole(scan_piece, self._sheet, data, last=last, reader=self.reader)

    def _fill_rest(self, begin: int, beside: Callable[[str], str | None]) -> None:
        for some in scan_rest(self._table, self._sheet, begin, self._number):
            self._add(some, beside, 0, counted=True)

    def _add(self, some: Scanned, beside: Callable[[str], str | None], begin: int, *, counted: bool = False) -> None:
        """Some rows; those of a piece are counted from its beginning."""
        first = 0 if counted else self._number
        rows = some.rows
        for place in some.unread:
            _, *others = rows[place]
            rows[place] = (key_of_unread(self._found.path, others[2] + first), *others)
        named = [found for name in some.named if (found := beside(name)) is not None]
        self._catalog.add(self._file, rows, named, begin=begin, first=first)
        self._number += some.count
