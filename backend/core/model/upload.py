"""Files that people uploaded for a connection to read: where they lie among the company's own files."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

FILE_PLATFORM: Final = "file"
"""Platform of the connections that read files, and of all that is read from them."""
ANNOUNCED: Final = "announced.json"
"""The file in an upload's folder that tells what was announced."""
_TIME: Final = "%Y%m%dT%H%M%S%fZ"


class Upload(Struct, frozen=True, kw_only=True):
    """One file, in the version that was uploaded last."""

    path: str
    """Its name, with folders of the zip it came in: `2025/tickets.csv`."""
    size: int
    """In bytes."""
    sha256: str
    uploaded_at: datetime

    def key(self, platform: str, connection_id: str) -> str:
        """Its key among the company's files. Every version has one of its own: a reader never sees half of two."""
        version = f"{self.uploaded_at.astimezone(UTC).strftime(_TIME)}-{self.size}-{self.sha256}"
        return f"{uploads_of(platform, connection_id)}/{self.path}/{version}"


INCOMING: Final = "incoming"
"""The folder of uploads that were begun and not committed: nothing reads them, and they go by themselves."""


class PendingUpload(Struct, frozen=True, kw_only=True):
    """An upload that was begun: what was announced, before any byte came."""

    upload_id: str
    connection_id: str
    name: str
    size: int
    """In bytes."""
    sha256: str | None
    """In hex; None where nobody said."""
    expires_at: datetime
    """Until then its bytes are taken; what came by then may be committed for a while longer."""

    @property
    def folder(self) -> str:
        """Everything that is kept of it lies under this key."""
        return f"{incoming_of(self.connection_id)}/{self.upload_id}"

    @property
    def content_key(self) -> str:
        """Its bytes, once they came."""
        return f"{self.folder}/content"


def incoming_of(connection_id: str) -> str:
    """The folder of what is being uploaded for a connection."""
    return f"{INCOMING}/{connection_id}"


def announced_key(connection_id: str, upload_id: str) -> str:
    """Where it is kept what was announced of an upload."""
    return f"{incoming_of(connection_id)}/{upload_id}/{ANNOUNCED}"


def kept_by(platform: str, connection_id: str) -> str:
    """The folder of everything that is kept for reading a connection, and goes with it."""
    return f"sources/{platform}/{connection_id}"


def uploads_of(platform: str, connection_id: str) -> str:
    """The folder of a connection's uploads."""
    return f"{kept_by(platform, connection_id)}/uploads"


def upload_at(key: str, platform: str, connection_id: str) -> Upload | None:
    """What a key tells; None for one that is no upload's."""
    path, _, version = key.removeprefix(f"{uploads_of(platform, connection_id)}/").rpartition("/")
    try:
        at, size, sha256 = version.split("-")
        uploaded_at = datetime.strptime(at, _TIME).replace(tzinfo=UTC)
        return Upload(path=path, size=int(size), sha256=sha256, uploaded_at=uploaded_at) if path else None
    except ValueError:
        return None


def latest(keys: list[str], platform: str, connection_id: str) -> list[Upload]:
    """The newest version of each file, by path; those that are being replaced are left out."""
    found: dict[str, Upload] = {}
    for key in sorted(keys):
        upload = upload_at(key, platform, connection_id)
        if upload is not None and (upload.path not in found or upload.uploaded_at >= found[upload.path].uploaded_at):
            found[upload.path] = upload
    return [found[path] for path in sorted(found)]
