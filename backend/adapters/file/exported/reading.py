"""One file of a connection on its way into the catalog, and by which mark it is known to be as it was."""

from collections.abc import Mapping
from typing import BinaryIO, Final

from msgspec import Struct

from backend.adapters.exports.reader import ExportReader, Part
from backend.adapters.file.declared import Declared
from backend.adapters.file.exported.recognized import Role, folder_of, is_xml, may_be_exported
from backend.adapters.file.exported.units import open_units
from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import Sheet
from backend.adapters.file.tables.opened import Table
from backend.core.errors import AppError, Code

UNSEEN: Final = "?"
"""The role of a file that nobody looked into, since something else was declared of it."""
_CUT: Final = "\x1f"


class Reading(Struct, frozen=True, kw_only=True):
    """What is to be read, and as what."""

    found: Found
    declared: Declared
    own: Role | None
    """What it is in an account export by itself."""
    role: Role | None
    """The same with the files beside it."""
    broken: AppError | None

    @property
    def kept_role(self) -> str:
        """What the catalog keeps: the role that the file has by itself, so that a change beside it is seen."""
        if self.own is not None:
            return self.own.written
        return UNSEEN if may_be_exported(self.found.path) and not may_be_of_export(self.found.path, self.declared) else ""

    @property
    def folder(self) -> str | None:
        """Where the names lie that its records call by number; None where it calls none."""
        return folder_of(self.found.path) if self.role is not None and self.role.part is Part.TICKETS else None

    def mark(self, names: Mapping[str, str]) -> str:
        """Changes with what is declared, with the file's role, and of tickets with the `names` in their folder."""
        base = self.declared.digest() if self.broken is None else self.broken.message
        if self.role is None:
            return base
        return _CUT.join((base, self.role.written, "" if self.folder is None else names[self.folder]))

    def open_export(self, file: BinaryIO, reader: ExportReader, mark: str, *, known: bool) -> tuple[Table, Sheet]:
        """The file as rows of its part. One that ends in the middle is not read where what it said before is `known`.

        Raises what `open_units` does, and ATTACHMENT_UNREADABLE.
        """
        assert self.role is not None  # noqa: S101 - only what has one is opened as a part of an export
        part = self.role.part
        table, cut = open_units(file, self.found.path, reader, part)
        if cut and known:
            table.close()
            raise AppError(Code.ATTACHMENT_UNREADABLE, f"{self.found.path}: {cut}; what was read of it before stays.")
        names = mark.rpartition(_CUT)[2]
        plan = self.declared.applied(None)
        return table, Sheet(layout=table.layout, plan=plan, headings=(), export=reader.platform, part=part.value, names=names)


def may_be_of_export(path: str, declared: Declared) -> bool:
    """Whether it may be a part of an account export, for all that is declared: columns say that it is a list of somebody's own."""
    if declared.kind == "document" or not may_be_exported(path):
        return False
    return is_xml(path) or not declared.columns
