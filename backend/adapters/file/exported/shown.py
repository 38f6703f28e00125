"""A part of an account export as it would be read, shown on its first items; people are named when it is read with the files beside it."""

from itertools import islice
from typing import BinaryIO, Final

from backend.adapters.exports.reader import ExportReader, Part, Record
from backend.adapters.file.exported.items import ExportedUnit, made_of
from backend.adapters.file.exported.recognized import Readers, Role
from backend.adapters.file.exported.units import open_units
from backend.core.errors import AppError
from backend.core.model.article import Article
from backend.core.model.preview import Preview, PreviewArticle, PreviewTicket
from backend.core.model.ticket import Ticket

_UNITS: Final = 200
_ITEMS: Final = 10
_PROBLEMS: Final = 20
_TEXT: Final = 200


def preview_part(file: BinaryIO, path: str, role: Role, readers: Readers, *, prefix: str = "") -> Preview:
    """How it would be read; the file is closed. Raises ATTACHMENT_EMPTY."""
    if role.part in (Part.NAMES, Part.NOTHING):
        file.close()
        return Preview(path=path, kind=kind_of(role), preset=role.platform)
    reader = readers[role.platform]
    table, _ = open_units(file, path, reader, role.part)
    items: list[Ticket | Article] = []
    problems: list[str] = []
    try:
        for row in islice(table.rows(), _UNITS):
            try:
                item = None if row.record is None else _item(reader, role.part, path, row.record, prefix)
            except AppError as error:
                problems.append(f"record {row.number}: {error.message}")
                continue
            if row.record is None:
                problems.append(f"record {row.number}: {row.problem}")
            elif item is not None:
                items.append(item)
    finally:
        table.close()
    return Preview(
        path=path,
        kind=kind_of(role),
        written_as=table.layout.told_as,
        preset=role.platform,
        timezone="UTC",
        tickets=tuple([shown(item) for item in items if isinstance(item, Ticket)][:_ITEMS]),
        articles=tuple([_article(item) for item in items if isinstance(item, Article)][:_ITEMS]),
        problems=tuple(problems[:_PROBLEMS]),
    )


def kind_of(role: Role) -> str:
    """What people are told that a file is."""
    return "passed_over" if role.part is Part.NOTHING else role.part.value


def shown(ticket: Ticket) -> PreviewTicket:
    """A ticket in short."""
    first, *turns = ticket.conversations
    return PreviewTicket(
        original_id=ticket.original_id,
        subject=ticket.subject,
        status=ticket.status.value,
        status_label=ticket.status_label,
        priority=ticket.priority.value,
        requester=(ticket.requester.name or ticket.requester.email) if ticket.requester else "",
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        turns=len(turns),
        text=(first.text or first.html)[:_TEXT],
    )


def _item(reader: ExportReader, part: Part, path: str, record: Record, prefix: str) -> Ticket | Article | None:
    """A ticket or an article; None for one that is gone."""
    told = reader.told(part, record)
    if told.gone:
        return None
    unit = ExportedUnit(export=reader.platform, part=part, file=path, key=f"{prefix}{told.key}", record=dict(record))
    return made_of(unit, reader).item


def _article(article: Article) -> PreviewArticle:
    first = article.translations[0]
    return PreviewArticle(
        original_id=article.original_id,
        title=first.title,
        folder=" / ".join(filter(None, (article.category, article.folder))),
        visibility=article.visibility.value,
        draft=first.draft,
    )
