"""Which part of which account export a file is: by its first records, else by its name among files of an export."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, Final, NamedTuple

from backend.adapters.exports.reader import ExportReader, Part
from backend.adapters.exports.records import read_records
from backend.adapters.file.scan import EXPORTS
from backend.core.errors import AppError

_LOOKED_AT: Final = 5
"""Records; a first one may be odd."""
_TOLD: Final = 8
"""So many files are named."""
XML: Final = ".xml"

Readers = Mapping[str, ExportReader]
"""By platform."""


class Role(NamedTuple):
    """What a file is in an account export."""

    platform: str
    """Empty: XML of nobody's export, which there is no reader for."""
    part: Part

    @property
    def written(self) -> str:
        """As the catalog keeps it."""
        return f"{self.platform}/{self.part}"


def role_of(written: str) -> Role | None:
    """A role as it was written."""
    platform, _, part = written.partition("/")
    return Role(platform, Part(part)) if part else None


def by_platform(readers: Iterable[ExportReader]) -> Readers:
    """Readers by their platform."""
    return {reader.platform: reader for reader in readers}


def may_be_exported(path: str) -> bool:
    """Whether files of this ending are in account exports."""
    return PurePosixPath(path).suffix.lower() in EXPORTS


def is_xml(path: str) -> bool:
    """Whether only an account export can be in it."""
    return path.lower().endswith(XML)


def folder_of(path: str) -> str:
    """Where a file lies: files of one export lie together."""
    return path.rpartition("/")[0]


def base_of(path: str) -> str:
    """A file's name without its folder."""
    return PurePosixPath(path.removeprefix("upload:")).name


def recognize(file: IO[bytes], path: str, readers: Readers) -> Role | None:
    """What a file is by itself, of its beginning."""
    name, first = base_of(path), list[Mapping[str, Any]]()
    # What can't be read is told by who reads it.
    with contextlib.suppress(AppError):
        for found in islice(read_records(file, name), _LOOKED_AT):
            if found.record is not None:
                first.append(found.record)
    for platform, reader in readers.items():
        part = reader.part_of(name, first)
        if part is not None:
            return Role(platform, part)
    return None


def completed(own: Mapping[str, Role | None], readers: Readers) -> dict[str, Role]:
    """The roles of these files, those included that only the files beside them tell."""
    beside: dict[str, set[str]] = {}
    for path, role in own.items():
        if role is not None and role.part is not Part.NOTHING:
            beside.setdefault(folder_of(path), set()).add(role.platform)
    found: dict[str, Role] = {}
    for path, role in own.items():
        told = role or _by_name(path, sorted(beside.get(folder_of(path), ())), readers)
        if told is not None:
            found[path] = told
        elif is_xml(path):
            found[path] = Role("", Part.NOTHING)
    return found


def remarks_of(without: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What is told of files of account exports that nothing is found in: their paths, and what they are."""
    if not without:
        return ()
    told = [f"{path} (names)" if kind == Part.NAMES else path for path, kind in without[:_TOLD]]
    more = f" and {len(without) - _TOLD} more" if len(without) > _TOLD else ""
    noun = "file of an account export holds" if len(without) == 1 else "files of an account export hold"
    return (f"{len(without)} {noun} no knowledge: {', '.join(told)}{more}.",)


def _by_name(path: str, platforms: Sequence[str], readers: Readers) -> Role | None:
    for platform in platforms:
        part = readers[platform].part_beside(base_of(path))
        if part is not None:
            return Role(platform, part)
    return None
