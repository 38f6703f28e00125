"""A zip before it is uploaded: what each of its files would be read as, and the first tickets in it."""

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import structs

from backend.adapters.archive import DAMAGED, Archive, Member
from backend.adapters.exports.reader import Part
from backend.adapters.file.declared import Declared
from backend.adapters.file.exported.recognized import Readers, Role, completed, may_be_exported, recognize
from backend.adapters.file.exported.shown import kind_of, preview_part
from backend.adapters.file.places.place import copied, is_hidden
from backend.adapters.file.scan import may_be_read, open_tickets
from backend.adapters.file.tables.opened import TABLES
from backend.core.errors import AppError
from backend.core.model.preview import Preview, PreviewFile

_LARGE: Final = 20_000_000
"""Bytes; what is larger is looked into when it is read."""
_PIECE: Final = 1 << 18
_FILES: Final = 500
"""So many are looked into."""


def preview_archive(file: BinaryIO, name: str, readers: Readers) -> Preview:
    """What is in it; the file is closed. Raises EXPORT_TOO_LARGE or EXPORT_UNREADABLE."""
    with tempfile.NamedTemporaryFile(prefix="desklore-") as named:
        with file:
            shutil.copyfileobj(file, named, _PIECE)
        named.flush()
        with closing(Archive(Path(named.name), name)) as archive:
            return _preview(archive, readers)


def _preview(archive: Archive, readers: Readers) -> Preview:
    members = {member.name: member for member in archive.members[:_FILES] if not is_hidden(member.name)}
    own = {path: _recognized(archive, member, readers) for path, member in members.items() if may_be_exported(path)}
    roles = completed(own, readers)
    files = tuple(
        PreviewFile(path=path, kind=_kind(archive, member, roles.get(path)), preset=roles[path].platform if path in roles else "")
        for path, member in members.items()
    )
    whole = Preview(path=archive.name, kind="archive", files=files)
    first = next((path for path, role in roles.items() if role.part is Part.TICKETS and members[path].size <= _LARGE), None)
    if first is None:
        return whole
    try:
        part = preview_part(_copy(archive, members[first]), first, roles[first], readers)
    except (AppError, *DAMAGED) as error:
        return structs.replace(whole, problems=(f"{first}: {error}",))
    problems = tuple(f"{first}, {problem}" for problem in part.problems)
    return structs.replace(whole, preset=part.preset, written_as=part.written_as, tickets=part.tickets, problems=problems)


def _kind(archive: Archive, member: Member, role: Role | None) -> str:
    if role is not None:
        return kind_of(role)
    if not may_be_read(member.name):
        return "passed_over"
    if Path(member.name).suffix.lower() not in TABLES:
        return "document"
    return "new" if member.size > _LARGE else _of_table(archive, member)


def _of_table(archive: Archive, member: Member) -> str:
    try:
        opened = open_tickets(_copy(archive, member), member.name, Declared())
    except (AppError, *DAMAGED):
        return "broken"
    if opened is None:
        return "document"
    opened[0].close()
    return "tickets"


def _recognized(archive: Archive, member: Member, readers: Readers) -> Role | None:
    try:
        with archive.open(member) as stream:
            return recognize(stream, member.name, readers)
    except DAMAGED:
        return None


def _copy(archive: Archive, member: Member) -> BinaryIO:
    with archive.open(member) as stream:
        return copied(iter(lambda: stream.read(_PIECE), b""))
