"""A helpdesk platform named `paper`, in memory: the Source port with a good, a bad, a slow and a missing account."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from backend.core.errors import AppError, Code
from backend.core.model.connection import Ability, CredentialReport, SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream
from backend.core.model.ticket import Attachment
from backend.core.ports.extract import Extracted
from backend.core.ports.halfway import Halfway
from backend.core.ports.source import Capabilities, ExportRequest, ExportSource, Source, SourceQuota

GOOD_KEY = "paper-key-GOOD-7f3a91c2"
OTHER_GOOD_KEY = "paper-key-NEXT-55d0be17"
BAD_KEY = "paper-key-BAD-0c11ee42"
LIMITED_KEY = "paper-key-SOME-2c7be511"
"""Of an agent who sees the tickets of group 42 only."""
SLOW_KEY = "paper-key-SLOW-9d3b6a08"


class PaperSource:
    """A helpdesk with nothing in it: what matters here is how it takes credentials."""

    def __init__(self, settings: SourceSettings, lane: Lane = Lane.LIVE) -> None:
        self.settings = settings
        self.lane = lane
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(streams=frozenset(Stream))

    @property
    def quota(self) -> SourceQuota:
        return SourceQuota(calls=1, remaining=49, limit=50)

    @property
    def unreadable(self) -> frozenset[str]:
        return frozenset()

    async def verify(self) -> CredentialReport:
        key = self.settings.credentials["api_key"].reveal()
        if key == BAD_KEY or key.endswith("-BAD"):
            raise AppError(Code.SOURCE_CREDENTIALS_REJECTED, f"{self.settings.domain} rejected the API key; copy it again.")
        if key == SLOW_KEY:
            await asyncio.sleep(3600)
        return CredentialReport(
            account_name="종이 회사",
            agent_name="김상담",
            agent_email="agent@paper.example",
            abilities=(Ability(name="tickets", ok=True), Ability(name="articles", ok=False, message="no permission")),
            groups=("42",) if key == LIMITED_KEY else None,
        )

    async def list_changes(self, cursor: Cursor, options: RunOptions) -> Listing:  # noqa: ARG002 - the shape is the port's
        return Listing(refs=(), next=cursor, last=True, total=0)

    async def fetch(self, ref: ItemRef) -> Fetched:
        raise AppError(Code.SOURCE_ITEM_NOT_FOUND, f"The helpdesk has no {ref.doc_type.value} {ref.original_id}.")

    def download(self, attachment: Attachment, ref: ItemRef) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:  # noqa: ARG002 - as above
        raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "Nothing in this helpdesk has an attachment.")

    async def close(self) -> None:
        self.closed = True


class PaperHelpdesks:
    """SourceFactory for the one platform; remembers what it opened."""

    def __init__(self) -> None:
        self.opened: list[PaperSource] = []

    def platforms(self) -> Mapping[str, tuple[str, ...]]:
        return {"paper": ("api_key",), "freshdesk": ("api_key",)}

    def credential_choices(self, platform: str) -> tuple[tuple[str, ...], ...]:
        return (self.platforms()[platform],)

    def check_address(self, platform: str, domain: str, base_url: str | None) -> str:
        if platform not in self.platforms():
            raise AppError(Code.PLATFORM_UNKNOWN, f"{platform} is not one of: paper.")
        host = domain.lower().removeprefix("https://").rstrip("/")
        if base_url is not None or not host.endswith(".example"):
            raise AppError(Code.HOST_NOT_ALLOWED, f"{host} is not a host of {platform}.")
        return host

    def open(self, settings: SourceSettings, lane: Lane, halfway: Halfway | None = None) -> Source:  # noqa: ARG002 - the port's
        self.opened.append(PaperSource(settings, lane))
        return self.opened[-1]

    def check_export(self, platform: str, export: ExportRequest) -> None:
        raise AppError(Code.EXPORT_UNSUPPORTED, f"{platform} has no exports: {export.name}.")

    def open_export(self, settings: SourceSettings, lane: Lane, export: ExportRequest) -> ExportSource:
        raise AppError(Code.EXPORT_UNSUPPORTED, f"{settings.platform} has no exports: {lane} {export.name}.")


class NoReader:
    """A TextExtractor without any reader."""

    async def extract(self, file: Path | bytes, name: str, *, ocr: bool = True) -> Extracted:  # noqa: ARG002 - the shape is the port's
        raise AppError(Code.ATTACHMENT_UNSUPPORTED)

    async def close(self) -> None:
        return None
