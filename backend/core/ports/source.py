"""The port an adapter of a helpdesk implements (SPEC A1)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from backend.core.model.connection import CredentialReport, SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, Lot, RunOptions, Stream
from backend.core.model.ticket import Attachment
from backend.core.ports.halfway import Halfway


class SourceQuota(Struct, frozen=True, kw_only=True):
    """What a Source has spent and what the vendor says is left."""

    calls: int = 0
    remaining: int | None = None
    limit: int | None = None
    waited_seconds: float = 0.0
    """Seconds in which the quota held this Source up."""
    waiting_for: str = ""
    """The bucket whose quota it waits for right now, `pause` where the vendor asked for one; empty where it waits for none."""
    waiting_seconds: float = 0.0
    """Seconds until it may go on."""


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a Source can do; the conformance suite holds it to it."""

    streams: frozenset[Stream]
    complete: frozenset[Stream] = frozenset()
    """Streams that name every live item when they are read from their beginning: what they leave out may be gone."""
    listing_names_total: bool = False


class Source(Protocol):
    """A helpdesk we read from. Every method raises AppError with a SOURCE_* code, and nothing else, when the vendor fails."""

    @property
    def capabilities(self) -> Capabilities:
        """What this Source can do."""
        ...

    @property
    def quota(self) -> SourceQuota:
        """Calls so far and the vendor's quota, as last told."""
        ...

    @property
    def unreadable(self) -> frozenset[str]:
        """What the credentials were refused so far and items are taken without, such as `groups`."""
        ...

    async def verify(self) -> CredentialReport:
        """Check address and credentials within two seconds, and tell what they may read (SPEC A9).

        Raises SOURCE_HOST_UNKNOWN, SOURCE_CREDENTIALS_REJECTED, SOURCE_PERMISSION_MISSING, SOURCE_PLAN_MISSING,
        SOURCE_RATE_LIMITED or SOURCE_UNAVAILABLE, each with a message that says what to do.
        """
        ...

    async def list_changes(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page of a stream: what changed from `cursor` on. An item may be named twice; none is left out.

        The last page's `next` is where the following run starts, with a margin for the vendor's lag.
        """
        ...

    async def fetch(self, ref: ItemRef) -> Fetched:
        """One item whole: all conversations, attachments' metadata, people by name.

        A ref without hint works too (`/init` of a ticket never listed). Raises SOURCE_ITEM_NOT_FOUND where it is gone.
        """
        ...

    def download(self, attachment: Attachment, ref: ItemRef) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of an attachment of the item `ref`, streamed; a dead signed URL is fetched anew.

        The credential never reaches another host than the helpdesk's.
        """
        ...

    async def close(self) -> None:
        """Let go of sockets."""
        ...


class Continuation(Struct, frozen=True, kw_only=True):
    """Where the incremental sync of a stream goes on behind an import."""

    cursor: Cursor
    at: datetime
    """What changed from then on is read."""


class ExportSource(Source, Protocol):
    """An account export behind the same port: lists and items come from a file, in the ids, versions and shapes of the API.

    Names and files that the export does not hold are asked of the helpdesk, where it lets us.
    """

    async def continuation(self, stream: Stream, read: Cursor, current: Cursor | None) -> Continuation | None:
        """Where the sync of this stream goes on, once the export was read to its end at `read`.

        None where the export can't be shown to hold everything there was, or where `current`, at which the connection
        stands, is further: then nothing is moved, and nothing is missed.
        """
        ...


class ExportRequest(Struct, frozen=True, kw_only=True):
    """An account export to open."""

    path: Path
    name: str
    """As people call the file."""
    made_at: datetime | None = None
    """When the helpdesk began to make it, where that is known."""


@runtime_checkable
class BulkSource(Source, Protocol):
    """A Source that has many items at hand at once, such as the rows of a file: they are made and merged together."""

    async def lot(self, refs: Sequence[ItemRef]) -> Lot:
        """These tickets as they came, with a payload for each; one that is gone raises SOURCE_ITEM_NOT_FOUND when it is made."""
        ...


@runtime_checkable
class Remarks(Protocol):
    """What a Source has that tells something at the end of a run."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What an admin should know of what was read, in whole sentences."""
        ...


@runtime_checkable
class KnowsNames(Protocol):
    """What a Source has that loads names, or an export beside one: they are kept beside the archive."""

    @property
    def names(self) -> bytes | None:
        """What the ids in payloads stand for, to be kept beside them: the same object until it changes; None while nothing was loaded."""
        ...


@runtime_checkable
class Remakes(Source, KnowsNames, Protocol):
    """A Source that makes an item again of the payload it gave for the archive, without any call (SPEC B4)."""

    def recall(self, names: bytes) -> None:
        """Take what was kept of `names` in place of what the helpdesk would be asked for."""
        ...

    async def remake(self, ref: ItemRef, raw: bytes) -> Fetched:
        """The item as `fetch` gave it together with this payload.

        Raises ARCHIVE_INCOMPLETE where the payload or the names lack what it takes, SOURCE_MALFORMED where it makes no sense.
        """
        ...


class SourceFactory(Protocol):
    """Opens Sources by platform; the adapters' registry implements it."""

    def platforms(self) -> Mapping[str, tuple[str, ...]]:
        """Platform name -> the names of the credential fields it needs."""
        ...

    def credential_choices(self, platform: str) -> tuple[tuple[str, ...], ...]:
        """The kinds of credential a platform takes, each by the names of its fields, the usual one first. Raises PLATFORM_UNKNOWN."""
        ...

    def check_address(self, platform: str, domain: str, base_url: str | None) -> str:
        """The normalized domain. Raises PLATFORM_UNKNOWN or HOST_NOT_ALLOWED with what is allowed (SPEC D1, SSRF)."""
        ...

    def open(self, settings: SourceSettings, lane: Lane, halfway: Halfway | None = None) -> Source:
        """A Source for this connection, whose calls go in this lane of the account's budget; the caller closes it.

        It may keep what it has read of long items in `halfway`; without, it begins them anew.
        """
        ...

    def check_export(self, platform: str, export: ExportRequest) -> None:
        """Look whether this is an account export of the platform. Raises EXPORT_UNSUPPORTED, EXPORT_UNREADABLE or EXPORT_TOO_LARGE."""
        ...

    def open_export(self, settings: SourceSettings, lane: Lane, export: ExportRequest) -> ExportSource:
        """The export as a Source of this connection; the caller closes it. Raises as `check_export`."""
        ...
