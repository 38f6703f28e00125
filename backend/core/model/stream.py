"""A text on its way to its reader: its events, and who may read them again."""

from msgspec import Struct

from backend.core.model.tenant import Scope


class Event(Struct, frozen=True, kw_only=True):
    """One event: its name and its data as JSON."""

    name: str
    data: bytes


class Stream(Struct, frozen=True, kw_only=True):
    """Events that outlast the request that began them. They are numbered from 1, without a gap."""

    stream_id: str
    owner: str
    """Who began it; nobody else may read or cancel it."""
    scopes: frozenset[Scope]
    """What the owner was allowed; with less it can't be read again."""
    groups: frozenset[str] | None = None
    """Marks of the groups whose tickets the owner could see; None: all. Likewise."""


class StreamState(Struct, frozen=True, kw_only=True):
    """A stream and how far it has come."""

    stream: Stream
    last: int
    """The number of the newest event; 0 where there is none."""
    ended: bool
