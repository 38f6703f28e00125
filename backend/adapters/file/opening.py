"""From a connection's address to its files: which places there are, and that they are the company's own."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from backend.adapters.exports.reader import ExportReader
from backend.adapters.file.places.bucket import BucketPlace
from backend.adapters.file.places.folder import FolderPlace
from backend.adapters.file.places.place import Place
from backend.adapters.file.places.uploads import UploadsPlace
from backend.adapters.file.shelf import Shelf
from backend.adapters.file.source import FileSource
from backend.adapters.http.origin import is_listed, split_url
from backend.core.errors import AppError, Code
from backend.core.model.connection import SourceSettings
from backend.core.model.upload import kept_by
from backend.core.ports.blobs import BlobStores
from backend.core.ports.compute import Compute

UPLOADS: Final = "uploads"
_FOLDER: Final = "folder"
_S3: Final = "s3://"
S3_CREDENTIALS: Final = (
    ("access_key_id", "secret_access_key"),
    ("access_key_id", "secret_access_key", "region"),
)
_DOMAIN_MAX: Final = 253


class FilePlaces:
    """What the operator allows: folders that hold one for each company, and where uploads lie."""

    def __init__(
        self, roots: tuple[Path, ...] = (), blobs: BlobStores | None = None, *, compute: Compute | None = None, page: int = 2_000
    ) -> None:
        self.roots = roots
        self.blobs = blobs
        self.compute = compute
        self.page = page
        """Items that are named, made and stored together."""


def check_place(domain: str, base_url: str | None, places: FilePlaces, allowed: frozenset[str]) -> str:
    """The place as it is kept: `uploads`, `folder/2025`, `s3://bucket/prefix`. Raises HOST_NOT_ALLOWED with what is allowed."""
    given = domain.strip().rstrip("/")
    if len(given) > _DOMAIN_MAX or any(ord(letter) < 32 or letter == "\\" for letter in given):
        raise _refused("this names no place of files")
    if given == UPLOADS:
        return given
    if given.startswith(_S3):
        bucket, *parts = given.removeprefix(_S3).split("/")
        if not bucket or not _are_names(parts):
            raise _refused("an S3 place is s3://BUCKET or s3://BUCKET/PREFIX")
        if base_url is not None:
            _check_endpoint(base_url, allowed)
        return given
    first, *parts = given.split("/")
    if first != _FOLDER or not _are_names(parts):
        raise _refused(f"{domain!r} names no place of files")
    if not places.roots:
        raise AppError(
            Code.HOST_NOT_ALLOWED,
            "This server reads no folders. The operator names the folder that holds one for each company in DESKLORE_FILE_ROOTS; "
            "until then use `uploads`, or `s3://BUCKET/PREFIX`.",
            details={"setting": "DESKLORE_FILE_ROOTS"},
        )
    return given


def open_files(settings: SourceSettings, places: FilePlaces, allowed: frozenset[str], readers: Iterable[ExportReader] = ()) -> FileSource:
    """The Source of a connection: its place, and beside it what was uploaded for it."""
    domain = check_place(settings.domain, settings.base_url, places, allowed)
    blobs = places.blobs.open(settings.company_id) if places.blobs is not None else None
    found: list[Place] = []
    if domain.startswith(_S3):
        found.append(_bucket(settings, domain))
    elif domain != UPLOADS:
        found.append(_folder(settings.company_id, domain, places.roots))
    if blobs is not None:
        found.append(UploadsPlace(blobs, settings.platform, settings.connection_id))
    shelf = Shelf(found, blobs, kept_by(settings.platform, settings.connection_id), places.compute, readers=readers)
    return FileSource(shelf, domain, page=places.page)


def _folder(company_id: str, domain: str, roots: tuple[Path, ...]) -> FolderPlace:
    """Below the first root that has a folder for this company: what another company's folder is called does not matter here."""
    parts = (company_id, *domain.split("/")[1:])
    root = next((root for root in roots if os.path.lexists(root / company_id)), roots[0])
    return FolderPlace(root, parts)


def _bucket(settings: SourceSettings, domain: str) -> BucketPlace:
    if not all(name in settings.credentials for name in S3_CREDENTIALS[0]):
        # Without them the server's own rights would be used, on whatever bucket somebody names.
        raise AppError(Code.INVALID_REQUEST, "An S3 place needs its own credentials: access_key_id, secret_access_key and perhaps region.")
    bucket, _, prefix = domain.removeprefix(_S3).partition("/")
    return BucketPlace(bucket, prefix, settings.credentials, endpoint=settings.base_url)


def _check_endpoint(base_url: str, allowed: frozenset[str]) -> None:
    try:
        origin, _ = split_url(base_url.strip())
    except ValueError:
        raise _refused(f"{base_url!r} is not an http or https address") from None
    if not is_listed(origin, allowed):
        raise AppError(
            Code.HOST_NOT_ALLOWED,
            f"The base URL's host {origin.authority} is not allowed. Without a base URL AWS is asked; the operator can allow another "
            "S3 server by naming it in DESKLORE_CONNECTOR_HOST_ALLOWLIST.",
            details={"setting": "DESKLORE_CONNECTOR_HOST_ALLOWLIST"},
        )


def _are_names(parts: list[str]) -> bool:
    return all(part not in ("", ".", "..") for part in parts)


def _refused(why: str) -> AppError:
    return AppError(
        Code.HOST_NOT_ALLOWED,
        f"{why[0].upper()}{why[1:]}. Use `uploads`, `folder` or `folder/NAME` (below your company's folder on the server), "
        "or `s3://BUCKET/PREFIX`.",
    )
