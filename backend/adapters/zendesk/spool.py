"""Comments on their way from the ticket events to their tickets: few in memory, the others in a file without a name."""

import tempfile
from typing import IO, Any, Final

import orjson

from backend.adapters.zendesk.fields import Record, text

_IN_MEMORY: Final = 32_000_000
"""Characters; what comes beyond goes to a file. It has no name, so it is gone with the process, however that ends."""


class Spool:
    """Comments by ticket. To be closed."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._tickets: dict[str, dict[str, Record | tuple[int, int]]] = {}
        """Ticket -> comment -> itself, or where it begins in the file and how long it is."""
        self._held = 0
        """Characters in memory."""
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, ticket_id: str, comment_id: str, comment: Record) -> None:
        """Keep a comment; one that comes again (at the boundary of two pages) replaces itself."""
        kept = self._tickets.setdefault(ticket_id, {})
        if comment_id in kept:
            self._held -= _size(kept[comment_id])
        size = _size(comment)
        if self._held + size > self._in_memory:
            kept[comment_id] = self._written(comment)
            return
        kept[comment_id] = comment
        self._held += size

    def take(self, ticket_id: str) -> list[Record]:
        """The comments of a ticket, in the order in which they came; they are forgotten."""
        found: list[Record] = []
        for kept in self._tickets.pop(ticket_id, {}).values():
            self._held -= _size(kept)
            found.append(self._read(*kept) if isinstance(kept, tuple) else kept)
        return found

    def close(self) -> None:
        """Forget everything, and let go of the file."""
        self._tickets.clear()
        self._held = self._end = 0
        if self._file is not None:
            self._file.close()
        self._file = None

    def _written(self, comment: Record) -> tuple[int, int]:
        written = orjson.dumps(comment)
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as there are comments in it: `close` is its end
        self._file.seek(self._end)
        self._file.write(written)
        place = (self._end, len(written))
        self._end += len(written)
        return place

    def _read(self, begin: int, length: int) -> Record:
        assert self._file is not None  # noqa: S101 - a place is a place in the file
        self._file.seek(begin)
        comment: dict[str, Any] = orjson.loads(self._file.read(length))
        return comment


def _size(kept: Record | tuple[int, int]) -> int:
    """About: a comment says the same up to three times, as HTML and as text."""
    return 3 * len(text(kept, "html_body") or text(kept, "body")) if isinstance(kept, dict) else 0
