"""Comments on their way from the ticket events to their tickets: few in memory, the others in a file without a name."""

import tempfile
from typing import IO, Any, Final

import orjson

from backend.adapters.zendesk.fields import Record

_IN_MEMORY: Final = 32_000_000
"""Bytes; beyond, the file is on the disk. It has no name, so it is gone with the process, however that ends."""


class Spool:
    """Comments by ticket. To be closed."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._places: dict[str, dict[str, tuple[int, int]]] = {}
        """Ticket -> comment -> where it begins and how long it is."""
        self._end = 0

    def put(self, ticket_id: str, comment_id: str, comment: Record) -> None:
        """Keep a comment; one that comes again (at the boundary of two pages) replaces itself."""
        written = orjson.dumps(comment)
        if self._file is None:
            # Kept open as long as there are comments in it: `close` is its end.
            self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._file.seek(self._end)
        self._file.write(written)
        self._places.setdefault(ticket_id, {})[comment_id] = (self._end, len(written))
        self._end += len(written)

    def take(self, ticket_id: str) -> list[Record]:
        """The comments of a ticket, in the order in which they came; they are forgotten."""
        found: list[Record] = []
        if self._file is None:
            return found
        for begin, length in self._places.pop(ticket_id, {}).values():
            self._file.seek(begin)
            comment: dict[str, Any] = orjson.loads(self._file.read(length))
            found.append(comment)
        return found

    def close(self) -> None:
        """Forget everything, and let go of the file."""
        self._places.clear()
        self._end = 0
        if self._file is not None:
            self._file.close()
        self._file = None
