"""How a file would be read, shown on its first tickets."""

import io
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from backend.adapters.exports.reader import ExportReader
from backend.adapters.file.declared import Declared, read_one, read_patterns
from backend.adapters.file.exported.reading import may_be_of_export
from backend.adapters.file.exported.recognized import Readers, Role, by_platform, completed, recognize
from backend.adapters.file.exported.shown import preview_part, shown
from backend.adapters.file.preview_archive import preview_archive
from backend.adapters.file.scan import Sheet, may_be_read, open_tickets
from backend.adapters.file.tables.layout import BadRowError, Record
from backend.adapters.file.tables.opened import Table
from backend.adapters.file.tickets.normalize import key_of, ticket_of
from backend.adapters.file.unpack import clean_name, unpack
from backend.core.errors import AppError, Code
from backend.core.model.preview import Preview, PreviewTicket
from backend.core.ports.files import Unpacked

_ROWS: Final = 200
_TICKETS: Final = 10
_PROBLEMS: Final = 20
_TEXT: Final = 200
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class LocalFileTools:
    """FileTools for the files that this adapter reads."""

    def __init__(self, readers: Iterable[ExportReader] = ()) -> None:
        self._readers = by_platform(readers)

    def check_name(self, name: str) -> str:
        """The last part of a name, as it is kept."""
        bare = clean_name(PurePosixPath(name.replace("\\", "/")).name or "?")
        if bare.endswith((".zip", ".desklore.yaml", "desklore.yaml")) or may_be_read(bare):
            return bare
        raise AppError(Code.INVALID_REQUEST, f"There is no reader for files like {bare}; see docs/files.md for those there are.")

    def is_archive(self, path: Path, name: str) -> bool:
        """A zip by its name; spreadsheets and documents are zips too, and are left whole."""
        return name.lower().endswith(".zip") and path.is_file()

    def unpack(self, path: Path, name: str, max_bytes: int) -> Generator[Unpacked, None, None]:
        """The files in a zip that there is a reader for."""
        return unpack(path, name, max_bytes)

    def check_declaration(self, data: bytes) -> None:
        """Raises INVALID_REQUEST that names the mistake."""
        read_patterns(data, "desklore.yaml")

    def preview(self, file: BinaryIO, name: str, declaration: bytes) -> Preview:
        """How the file would be read; it is closed. Of an archive it is told what each of its files is."""
        if name.lower().endswith(".zip"):
            return preview_archive(file, name, self._readers)
        try:
            declared = read_one(declaration, "given") if declaration.strip() else Declared()
        except AppError:
            file.close()
            raise
        role = None
        if may_be_of_export(name, declared):
            role = completed({name: recognize(file, name, self._readers)}, self._readers).get(name)
            file.seek(0)
        return preview_of(file, name, declared, role=role, readers=self._readers)


def preview_of(file: BinaryIO, path: str, declared: Declared, *, role: Role | None = None, readers: Readers | None = None) -> Preview:
    """The same for a file whose declaration is known; it is closed. Raises what `open_tickets` does."""
    if role is not None:
        return preview_part(file, path, role, readers or {}, prefix=declared.id_prefix)
    opened = open_tickets(file, path, declared)
    if opened is None:
        return Preview(path=path, kind="document")
    table, sheet = opened
    try:
        tickets, problems = _first_tickets(table, sheet)
    finally:
        table.close()
    plan = sheet.plan
    known = set(plan.columns.values())
    return Preview(
        path=path,
        kind="tickets",
        written_as=sheet.layout.told_as,
        preset=plan.preset,
        columns=plan.columns,
        other_columns=tuple(heading for heading in sheet.headings if heading not in known),
        timezone=plan.timezone,
        day_first=plan.day_first,
        tickets=tickets,
        problems=problems,
        declaration=_declaration(sheet),
    )


def _first_tickets(table: Table, sheet: Sheet) -> tuple[tuple[PreviewTicket, ...], tuple[str, ...]]:
    groups: dict[str, list[Record]] = {}
    numbers: dict[str, int] = {}
    problems: list[str] = []
    for row in islice(table.rows(), _ROWS):
        if row.record is None:
            problems.append(f"row {row.number}: {row.problem}")
            continue
        try:
            key = key_of(row.record, sheet.plan)
        except BadRowError as error:
            problems.append(f"row {row.number}: {error}")
            continue
        groups.setdefault(key, []).append(row.record)
        numbers.setdefault(key, row.number)
    tickets: list[PreviewTicket] = []
    for key, records in groups.items():
        try:
            ticket = ticket_of(records, sheet.plan, key, moment=_EPOCH)
        except BadRowError as error:
            problems.append(f"row {numbers[key]}: {error}")
            continue
        if len(tickets) < _TICKETS:
            tickets.append(shown(ticket))
    return tuple(tickets), tuple(problems[:_PROBLEMS])


def _declaration(sheet: Sheet) -> str:
    import yaml  # noqa: PLC0415 - only a preview writes YAML

    plan = sheet.plan
    plain = {"kind": "tickets", "columns": dict(plan.columns), "timezone": plan.timezone, "day_first": plan.day_first}
    out = io.StringIO()
    yaml.safe_dump(plain, out, allow_unicode=True, sort_keys=False)
    return out.getvalue()
