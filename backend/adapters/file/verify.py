"""What is there to be read, told within two seconds to somebody who is just connecting it (SPEC A9)."""

import asyncio
import time
from typing import Final

from msgspec import Struct

from backend.adapters.exports.reader import Part
from backend.adapters.file.declared import Declared
from backend.adapters.file.exported.recognized import Role
from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import open_tickets
from backend.adapters.file.shelf import Shelf
from backend.adapters.file.tickets.plan import Field
from backend.core.errors import AppError
from backend.core.model.connection import Ability, CredentialReport

_SECONDS: Final = 1.6
_LARGE: Final = 20_000_000
"""Bytes; what is larger and has to be copied or unpacked to be looked at is left to the first sync."""
_STREAMED: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".xml")
_NAMED: Final = 5
"""So many files are named; of the others it is told how many they are."""


class _Tally(Struct):
    exports: list[str]
    turns: int
    documents: list[str]
    unread: list[str]
    without: list[str]
    """Of account exports: what is nothing to be found by itself."""
    unseen: int

    def tell(self, path: str, role: Role) -> None:
        """A part of an account export."""
        told = f"{path} ({role.platform.capitalize()} account export)"
        if role.part is Part.TICKETS:
            self.exports.append(told)
            self.turns += 1
        else:
            (self.documents if role.part is Part.ARTICLES else self.without).append(told if role.platform else path)


async def verify(shelf: Shelf, name: str) -> CredentialReport:
    """Which files there are, and what they seem to be. Raises AppError as `Source.verify` does."""
    look = await shelf.look_again()
    tally = _Tally(exports=[], turns=0, documents=[], unread=[], without=[], unseen=0)
    deadline = time.monotonic() + _SECONDS
    # The newest first: where there is no time for all, they matter most.
    for found, declared in sorted(look.files, key=lambda each: each[0].modified, reverse=True):
        if found.path in look.broken:
            tally.unread.append(look.broken[found.path].message)
        elif time.monotonic() > deadline or (found.size > _LARGE and not found.path.endswith(_STREAMED)):
            tally.unseen += 1
        else:
            await _look_into(shelf, found, declared, tally)
    return CredentialReport(
        account_name=name,
        agent_name="files",
        agent_email="",
        abilities=(
            Ability(name="tickets", ok=True, message=_told(tally.exports, "export", "no ticket export yet")),
            Ability(name="conversations", ok=True, message=f"{tally.turns} of the exports have them" if tally.exports else ""),
            Ability(name="articles", ok=True, message=_told(tally.documents, "document", "no documents yet")),
        ),
        warnings=_warnings(tally, look.passed_over),
    )


async def _look_into(shelf: Shelf, found: Found, declared: Declared, tally: _Tally) -> None:
    try:
        role = await shelf.role(found.path, declared)
        if role is not None:
            tally.tell(found.path, role)
            return
        _, file = await shelf.open(found.path)
        opened = await asyncio.to_thread(open_tickets, file, found.path, declared)
    except AppError as error:
        tally.unread.append(error.message if found.path in error.message else f"{found.path}: {error.message}")
        return
    if opened is None:
        tally.documents.append(found.path)
        return
    table, sheet = opened
    table.close()
    columns = ", ".join(f"{field} = {heading}" for field, heading in sheet.plan.columns.items())
    tally.exports.append(f"{found.path} ({sheet.layout.told_as}; {columns})")
    tally.turns += bool({Field.TURNS, Field.TURN_BODY, Field.ANSWER} & set(sheet.plan.columns))


def _told(names: list[str], noun: str, none: str) -> str:
    if not names:
        return none
    count = f"{len(names)} {noun}{'s' if len(names) > 1 else ''}: "
    return count + "; ".join(names[:_NAMED]) + (f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _warnings(tally: _Tally, passed_over: tuple[str, ...]) -> tuple[str, ...]:
    warnings = tally.unread[:_NAMED]
    if len(tally.unread) > _NAMED:
        warnings.append(f"{len(tally.unread) - _NAMED} more files can't be read; the first sync names them.")
    if passed_over:
        some = ", ".join(passed_over[:_NAMED])
        warnings.append(f"{len(passed_over)} files are passed over, for there is no reader for their type: {some}.")
    if tally.without:
        some = ", ".join(tally.without[:_NAMED])
        warnings.append(f"{len(tally.without)} files hold no knowledge of their own, as parts of account exports do: {some}.")
    if tally.unseen:
        warnings.append(f"{tally.unseen} files were not looked into in time; the first sync reads them.")
    return tuple(warnings)
