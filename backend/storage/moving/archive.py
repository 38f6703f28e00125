"""One archive file: a plain tar of parts, each of them in memory or on disk but never all, with their hashes at its end.

tables/<company>/<table>/<number>.jsonl.zst    rows
files/<company>/<key>                          files as they are
parts.jsonl                                    name, size and SHA-256 of each part before it
manifest.json                                  counts, schema, version, and the SHA-256 of parts.jsonl
"""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Self

import msgspec

from backend.storage.moving.aside import AsideFile, told
from backend.storage.moving.manifest import LISTING, MANIFEST, Manifest, Part, read_manifest, refused

IN_MEMORY: Final = 8 * 1024 * 1024
"""What is larger goes through a temporary file."""
_PIECE: Final = 256 * 1024


class ArchiveWriter:
    """Writes aside; `finish` forces it to the disk and gives it its name, `abandon` leaves nothing behind. Blocks."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self._path = path
        self._aside = AsideFile(path, overwrite=overwrite)
        self._tar = tarfile.open(fileobj=self._aside.file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by finish or abandon
        self._listing: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - likewise
        self._listed = hashlib.sha256()
        self.parts = 0

    @property
    def listed(self) -> str:
        """SHA-256 of the listing so far."""
        return self._listed.hexdigest()

    def add(self, name: str, file: IO[bytes]) -> int:
        """Add a part from a file that is read from its beginning; returns its size."""
        digest, size = hashlib.sha256(), 0
        file.seek(0)
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
        line = msgspec.json.encode(Part(name=name, size=size, sha256=digest.hexdigest())) + b"\n"
        self._listing.write(line)
        self._listed.update(line)
        self.parts += 1
        self._put(name, file, size)
        return size

    def finish(self, manifest: Manifest) -> int:
        """Write listing and manifest, and give the archive its name; returns its size."""
        self._put(LISTING, self._listing, self._listing.seek(0, os.SEEK_END))
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            file.write(data)
            self._put(MANIFEST, file, len(data))
        with told(self._path):
            self._tar.close()
        self._listing.close()
        return self._aside.finish()

    def abandon(self) -> None:
        """Remove what was written; nothing after `finish`."""
        self._listing.close()
        self._aside.abandon()

    def _put(self, name: str, file: IO[bytes], size: int) -> None:
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, 0o600
        file.seek(0)
        with told(self._path):
            self._tar.addfile(header, file)
        # It would remember every part.
        self._tar.members.clear()  # type: ignore[attr-defined]  # undocumented, and there in every Python


class ArchiveReader:
    """Reads an archive from its beginning to its end, as often as asked. Blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with told(path):
            self._file = path.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def verify(self) -> Manifest:
        """Read everything and compare it with what the archive says. Raises INVALID_REQUEST where anything differs."""
        with tempfile.TemporaryFile() as computed, tempfile.TemporaryFile() as told, _whole():
            manifest: Manifest | None = None
            for name, file in self._members():
                if name == LISTING:
                    while piece := file.read(_PIECE):
                        told.write(piece)
                elif name == MANIFEST:
                    manifest = read_manifest(file.read())
                else:
                    computed.write(msgspec.json.encode(_hashed(name, file)) + b"\n")
            if manifest is None:
                raise refused("it is not whole, or not a backup: its end is missing")
            _compare(computed, told, manifest)
        return manifest

    def parts(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Every part but the listing and the manifest; a part can be read until the next one is asked for."""
        return ((name, file) for name, file in self._members() if name not in (LISTING, MANIFEST))

    def _members(self) -> Iterator[tuple[str, IO[bytes]]]:
        self._file.seek(0)
        with _whole(), tarfile.open(fileobj=self._file, mode="r|") as tar:
            while (member := tar.next()) is not None:
                file = tar.extractfile(member) if member.isreg() else None
                if file is None:
                    raise refused(f"{member.name} is not a file")
                yield member.name, file
                tar.members.clear()  # type: ignore[attr-defined]  # likewise


@contextmanager
def _whole() -> Iterator[None]:
    """Refuse a file whose bytes are no tar, or end too early."""
    try:
        yield
    except (tarfile.TarError, ValueError) as error:
        # Names and numbers that are damaged are a ValueError in some places.
        raise refused(f"it is damaged or not whole ({error})") from error


def _hashed(name: str, file: IO[bytes]) -> Part:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return Part(name=name, size=size, sha256=digest.hexdigest())


def _compare(computed: IO[bytes], told: IO[bytes], manifest: Manifest) -> None:
    """Each part with the listing, and the listing with the manifest."""
    computed.seek(0)
    told.seek(0)
    digest, count = hashlib.sha256(), 0
    for line in told:
        found = computed.readline()
        if found != line:
            raise refused(f"part {count + 1} is damaged or missing")
        digest.update(line)
        count += 1
    if computed.readline():
        raise refused("it has more parts than it lists")
    if (count, digest.hexdigest()) != (manifest.parts, manifest.parts_sha256):
        raise refused("its listing is not the one that its manifest names")
