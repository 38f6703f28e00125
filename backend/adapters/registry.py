"""Which adapter serves which platform: ours, and those of other packages."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from importlib.metadata import entry_points
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from backend.adapters.archive import Archive
from backend.adapters.exports.reader import ExportReader
from backend.adapters.exports.source import ArchiveSource, Shape
from backend.adapters.file.opening import S3_CREDENTIALS, FilePlaces, check_place, open_files
from backend.adapters.freshdesk.address import check_address, origin_of
from backend.adapters.freshdesk.export import files as freshdesk_files
from backend.adapters.freshdesk.export.reader import FreshdeskExportReader
from backend.adapters.freshdesk.export.shape import FreshdeskShape
from backend.adapters.freshdesk.source import FreshdeskSource
from backend.adapters.http.client import Patience
from backend.adapters.zendesk.address import ZENDESK_ADDRESSES
from backend.adapters.zendesk.export import files as zendesk_files
from backend.adapters.zendesk.export.reader import ZendeskExportReader
from backend.adapters.zendesk.export.shape import ZendeskShape
from backend.adapters.zendesk.source import ZendeskSource, authorization_of
from backend.core.errors import AppError, Code
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.tenant import Secret
from backend.core.ports.budget import Budgets, Spender
from backend.core.ports.halfway import Halfway
from backend.core.ports.source import ExportRequest, ExportSource, Source

S = TypeVar("S", bound=Source)

ENTRY_POINTS: Final = "desklore.sources"
"""The group in which other packages name their adapters; docs/adding-a-source.md."""

EXPORT_READERS: Final[tuple[ExportReader, ...]] = (FreshdeskExportReader(), ZendeskExportReader())
"""How account exports are read that lie among a company's files."""
_PERSON_WAITS: Final = 10.0
"""Seconds; the sidebar itself gives up after fifteen."""


class Calling:
    """How an adapter may call out: what the operator set, and the budgets shared by account."""

    def __init__(
        self,
        allowed_hosts: frozenset[str],
        concurrency: int,
        patience: Patience,
        budgets: Budgets,
        *,
        halfway: Halfway | None = None,
        files: FilePlaces | None = None,
    ) -> None:
        self.allowed_hosts = allowed_hosts
        self.concurrency = concurrency
        self.patience = patience
        self.halfway = halfway
        """Where the connection being opened keeps what it has read of long items; None: nowhere."""
        self.files = files or FilePlaces()
        """Where files may be read."""
        self._budgets = budgets

    def keeping(self, halfway: Halfway | None) -> "Calling":
        """The same for one connection."""
        return Calling(self.allowed_hosts, self.concurrency, self.patience, self._budgets, halfway=halfway, files=self.files)

    def patience_of(self, lane: Lane) -> Patience:
        """A person is told that the quota is used up where a run would wait."""
        return msgspec.structs.replace(self.patience, longest_wait=_PERSON_WAITS) if lane is Lane.LIVE else self.patience

    def join(self, where: str, credential: Secret, lane: Lane) -> Spender:
        """A place in the budget of one credential at one address: all syncs and the sidebar share it.

        Another credential has a budget of its own, so that nobody who knows an address only can slow others down.
        """
        account = hashlib.sha256(f"{where}\x1f{credential.reveal()}".encode()).hexdigest()
        return self._budgets.join(account, lane)


class Adapter(Protocol):
    """What an entry point of the group `desklore.sources` names: an object (or a class without arguments) like this."""

    platform: str
    credential_fields: tuple[str, ...]
    """What a credential consists of. One that takes several kinds names them all in `credential_choices`, this one first."""

    def check_address(self, domain: str, base_url: str | None, calling: Calling) -> str:
        """The normalized domain. Raises HOST_NOT_ALLOWED."""
        ...

    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> Source:
        """A Source for a connection, whose calls go in this lane."""
        ...


@runtime_checkable
class ReadsExports(Protocol):
    """What an Adapter has besides where it reads account exports too."""

    def check_export(self, export: ExportRequest) -> None:
        """Look whether this is one. Raises EXPORT_UNREADABLE or EXPORT_TOO_LARGE."""
        ...

    def open_export(self, settings: SourceSettings, calling: Calling, lane: Lane, export: ExportRequest) -> ExportSource:
        """The export as a Source of the connection. Raises as `check_export`."""
        ...


class _WithExports(ABC, Generic[S]):
    """An adapter that reads a zip of its platform beside the API that it is of."""

    look_through: Callable[[Archive], None]
    """Whether it is one. Raises EXPORT_UNREADABLE."""

    @staticmethod
    @abstractmethod
    def read_beside(archive: Archive, live: S) -> Shape:
        """How to read it."""

    @abstractmethod
    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> S:
        """A Source for a connection, whose calls go in this lane."""

    def check_export(self, export: ExportRequest) -> None:
        """Look whether this is one. Raises EXPORT_UNREADABLE or EXPORT_TOO_LARGE."""
        with closing(Archive(export.path, export.name)) as archive:
            self.look_through(archive)

    def open_export(self, settings: SourceSettings, calling: Calling, lane: Lane, export: ExportRequest) -> ExportSource:
        """The export as a Source of the connection. Raises as `check_export`."""
        archive = Archive(export.path, export.name)
        live = self.open(settings, calling, lane)
        return ArchiveSource(archive, self.read_beside(archive, live), live, made_at=export.made_at)


class FreshdeskAdapter(_WithExports[FreshdeskSource]):
    """https://www.freshworks.com/freshdesk."""

    platform = "freshdesk"
    credential_fields: tuple[str, ...] = ("api_key",)
    look_through = staticmethod(freshdesk_files.check_export)

    def check_address(self, domain: str, base_url: str | None, calling: Calling) -> str:
        """`acme`, `acme.freshdesk.com` or its URL; another host only from the allow-list."""
        return check_address(domain, base_url, calling.allowed_hosts)

    @staticmethod
    def read_beside(archive: Archive, live: FreshdeskSource) -> Shape:
        """How to read it."""
        return FreshdeskShape(archive, live)

    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> FreshdeskSource:
        """A Source for a connection, whose calls go in this lane."""
        origin, prefix = origin_of(settings.domain, settings.base_url, calling.allowed_hosts)
        api_key = settings.credentials["api_key"]
        source = FreshdeskSource(
            check_address(settings.domain, settings.base_url, calling.allowed_hosts),
            api_key,
            origin=origin,
            prefix=prefix,
            allowed_hosts=calling.allowed_hosts,
            concurrency=calling.concurrency,
            patience=calling.patience_of(lane),
            spender=calling.join(origin.authority + prefix, api_key, lane),
        )
        if calling.halfway is not None:
            source.keep_in(calling.halfway)
        return source


class ZendeskAdapter(_WithExports[ZendeskSource]):
    """https://www.zendesk.com/service."""

    platform = "zendesk"
    credential_fields: tuple[str, ...] = ("email", "api_token")
    credential_choices: tuple[tuple[str, ...], ...] = (credential_fields, ("oauth_token",))
    look_through = staticmethod(zendesk_files.check_export)

    def check_address(self, domain: str, base_url: str | None, calling: Calling) -> str:
        """`acme`, `acme.zendesk.com` or its URL; another host only from the allow-list."""
        return ZENDESK_ADDRESSES.check(domain, base_url, calling.allowed_hosts)

    @staticmethod
    def read_beside(archive: Archive, live: ZendeskSource) -> Shape:
        """How to read it."""
        return ZendeskShape(archive, live)

    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> ZendeskSource:
        """A Source for a connection, whose calls go in this lane."""
        origin, prefix = ZENDESK_ADDRESSES.origin_of(settings.domain, settings.base_url, calling.allowed_hosts)
        authorization = authorization_of(settings.credentials)
        return ZendeskSource(
            self.check_address(settings.domain, settings.base_url, calling),
            authorization,
            origin=origin,
            prefix=prefix,
            allowed_hosts=calling.allowed_hosts,
            concurrency=calling.concurrency,
            patience=calling.patience_of(lane),
            spender=calling.join(origin.authority + prefix, authorization, lane),
        )


class FileAdapter:
    """Exports of tickets and documents: a folder of this server, uploads, an S3 prefix."""

    platform = "file"
    credential_fields: tuple[str, ...] = ()
    credential_choices: tuple[tuple[str, ...], ...] = (credential_fields, *S3_CREDENTIALS)

    def check_address(self, domain: str, base_url: str | None, calling: Calling) -> str:
        """`uploads`, `folder`, `folder/2025` or `s3://bucket/prefix`."""
        return check_place(domain, base_url, calling.files, calling.allowed_hosts)

    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> Source:  # noqa: ARG002 - files are read as fast as they can be
        """A Source for a connection; what its company uploaded for it is read beside its folder or bucket."""
        return open_files(settings, calling.files, calling.allowed_hosts, EXPORT_READERS)


class SourceRegistry:
    """Opens Sources by platform; implements the SourceFactory port."""

    def __init__(
        self,
        allowed_hosts: frozenset[str],
        concurrency: int,
        patience: Patience,
        budgets: Budgets,
        *,
        files: FilePlaces | None = None,
    ) -> None:
        self._calling = Calling(allowed_hosts, concurrency, patience, budgets, files=files)
        ours: list[Adapter] = [FreshdeskAdapter(), ZendeskAdapter(), FileAdapter()]
        # Ours are last in line: another package can't take over a platform of ours.
        self._adapters = {adapter.platform: adapter for adapter in (*_foreign(), *ours)}

    def platforms(self) -> Mapping[str, tuple[str, ...]]:
        """Platform name -> the names of the credential fields it needs."""
        return {name: adapter.credential_fields for name, adapter in self._adapters.items()}

    def credential_choices(self, platform: str) -> tuple[tuple[str, ...], ...]:
        """The kinds of credential a platform takes, the usual one first. Raises PLATFORM_UNKNOWN."""
        adapter = self._adapter(platform)
        choices: tuple[tuple[str, ...], ...] = getattr(adapter, "credential_choices", ())
        return choices or (adapter.credential_fields,)

    def check_address(self, platform: str, domain: str, base_url: str | None) -> str:
        """The normalized domain. Raises PLATFORM_UNKNOWN or HOST_NOT_ALLOWED with what is allowed."""
        return self._adapter(platform).check_address(domain, base_url, self._calling)

    def open(self, settings: SourceSettings, lane: Lane, halfway: Halfway | None = None) -> Source:
        """A Source for this connection; the caller closes it. Raises INVALID_REQUEST where a credential is missing."""
        self._check_credentials(settings)
        return self._adapter(settings.platform).open(settings, self._calling.keeping(halfway), lane)

    def check_export(self, platform: str, export: ExportRequest) -> None:
        """Look whether this is an account export of the platform. Raises EXPORT_UNSUPPORTED, EXPORT_UNREADABLE or EXPORT_TOO_LARGE."""
        self._reading_exports(platform).check_export(export)

    def open_export(self, settings: SourceSettings, lane: Lane, export: ExportRequest) -> ExportSource:
        """The export as a Source of this connection; the caller closes it. Raises as `check_export`."""
        self._check_credentials(settings)
        return self._reading_exports(settings.platform).open_export(settings, self._calling, lane, export)

    def _reading_exports(self, platform: str) -> ReadsExports:
        adapter = self._adapter(platform)
        if not isinstance(adapter, ReadsExports):
            raise AppError(Code.EXPORT_UNSUPPORTED, f"Account exports of {platform} can't be imported; sync the connection instead.")
        return adapter

    def _check_credentials(self, settings: SourceSettings) -> None:
        choices = self.credential_choices(settings.platform)
        if not any(all(name in settings.credentials for name in choice) for choice in choices):
            needed = " or ".join(", ".join(choice) for choice in choices)
            raise AppError(Code.INVALID_REQUEST, f"{settings.platform} needs these credentials: {needed}.")

    def _adapter(self, platform: str) -> Adapter:
        try:
            return self._adapters[platform]
        except KeyError:
            known = ", ".join(sorted(self._adapters))
            raise AppError(Code.PLATFORM_UNKNOWN, f"There is no adapter for {platform!r}; there are: {known}.") from None


def _foreign() -> list[Adapter]:
    """Adapters of other packages."""
    found: list[Adapter] = []
    for entry in entry_points(group=ENTRY_POINTS):
        named = entry.load()
        adapter: Adapter = named() if isinstance(named, type) else named
        found.append(adapter)
    return found
