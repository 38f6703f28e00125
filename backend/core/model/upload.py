"""Files that people uploaded for a connection to read: where they lie among the company's own files."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

FILE_PLATFORM: Final = "file"
"""Platform of the connections that read files, and of all that is read from them."""
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
