"""What an archive says about itself."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code

FORMAT: Final = 1
"""Of the archive; another number is another layout."""
LISTING: Final = "parts.jsonl"
MANIFEST: Final = "manifest.json"
NOT_INSIDE: Final = (
    "the master key (DESKLORE_MASTER_KEYS, the key file, data/secrets/master_key or KMS), without which no helpdesk credential opens",
    "the key pepper (DESKLORE_KEY_PEPPER or data/secrets/key_pepper), without which no API key is known any more",
    "the operator's key and the token secret",
    "credentials that lie in AWS Secrets Manager",
    "the search index, which is made again at the next start without a paid call",
)
"""What has to be kept elsewhere, or comes back by itself; told on screen and in the archive."""


class Part(Struct, frozen=True, kw_only=True):
    """One part of the archive."""

    name: str
    size: int
    sha256: str


class CompanyCounts(Struct, kw_only=True):
    """What the archive has of one company."""

    rows: dict[str, int] = {}
    files: int = 0
    file_bytes: int = 0
    missing_files: int = 0
    """Attachments whose file was not there any more, or was deleted while the backup ran."""


class Manifest(Struct, frozen=True, kw_only=True):
    """The last part of an archive: an archive without it is not whole."""

    format: int = FORMAT
    product: str = "desklore"
    version: str
    revision: str
    """Of the tables, as `migrations/versions` counts."""
    made_at: datetime
    company: str | None = None
    """The one company it is of; None: the whole installation."""
    companies: dict[str, CompanyCounts]
    """By company_id; `""` is the operator, who has audit entries only."""
    parts: int
    parts_sha256: str
    """Of the listing, which names every part with its SHA-256."""
    not_inside: tuple[str, ...] = NOT_INSIDE

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(sum(each.rows.values()) for each in self.companies.values())

    @property
    def files(self) -> int:
        """Of all companies."""
        return sum(each.files for each in self.companies.values())


def read_manifest(data: bytes) -> Manifest:
    """Raises INVALID_REQUEST for one that is not ours, or is of another layout."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise refused(f"its manifest can't be read: {error}") from error
    if manifest.product != "desklore" or manifest.format != FORMAT:
        raise refused(f"its layout is {manifest.product} {manifest.format}, and this version reads desklore {FORMAT}")
    return manifest


def refused(reason: str) -> AppError:
    """The error for an archive that can't be used."""
    return AppError(Code.INVALID_REQUEST, f"The backup was refused, and nothing was touched: {reason}.")
