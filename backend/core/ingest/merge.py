"""Merge a ticket or an article and its files into one Document.

merge_ticket(ticket, ...)     turns in order: HTML -> text -> without quotes -> without repetitions, each with its files
merge_article(article, ...)   sections by heading, for every translation
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, structs

from backend.core.ids import document_id
from backend.core.ingest.changes import content_hash_of
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.document import DocType, Document, Part
from backend.core.model.groups import marks_of
from backend.core.model.ticket import Conversation, ConversationKind, Role, Ticket
from backend.core.ports.extract import TextPiece
from backend.core.text.html import clean_text, html_sections, html_to_text
from backend.core.text.language import detect_language
from backend.core.text.links import without_signatures
from backend.core.text.quotes import strip_quoted

_TITLE_MAX: Final = 200
_LANGUAGE_SAMPLE: Final = 4_000


class AttachmentText(Struct, frozen=True, kw_only=True):
    """The text of an attachment, and where it hangs."""

    attachment_id: str
    original_id: str
    name: str
    parent_id: str | None = None
    """The original_id of its Conversation; None for the ticket or article itself."""
    internal: bool = False
    pieces: tuple[TextPiece, ...]
    pictured: bool = False
    """Some of the text is from pictures, which are recognized after all else."""


def merge_ticket(
    ticket: Ticket,
    company_id: str,
    *,
    connection_id: str,
    platform: str,
    version: str,
    files: Sequence[AttachmentText] = (),
    now: datetime,
) -> Document:
    """One Document of a ticket: its turns in order, each followed by the text of its files.

    A turn that is private, was forwarded to somebody else, or hangs on such a turn is INTERNAL. `version` is the
    listing's, `now` the moment of storing.
    """
    parts = _with_pictured(_turn_parts(ticket, [file for file in files if not file.pictured]), files, Visibility.CONVERSATION)
    return Document(
        document_id=document_id(company_id, platform, DocType.TICKET, ticket.original_id),
        connection_id=connection_id,
        platform=platform,
        doc_type=DocType.TICKET,
        original_id=ticket.original_id,
        title=_title(ticket.subject, parts, ticket.original_id),
        parts=parts,
        content_hash=content_hash_of(ticket),
        source_version=version,
        visibility=Visibility.CONVERSATION,
        language=_spoken_language(ticket.subject, parts),
        status=ticket.status.value,
        status_label=ticket.status_label,
        priority=ticket.priority.value,
        product=ticket.product,
        requester=(ticket.requester.name or ticket.requester.email or None) if ticket.requester else None,
        tags=ticket.tags,
        attributes=_ticket_attributes(ticket),
        groups=marks_of(platform, ticket.group_id, ticket.group),
        url=ticket.url,
        presence=ticket.presence,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        stored_at=now,
    )


def merge_article(
    article: Article,
    company_id: str,
    *,
    connection_id: str,
    platform: str,
    version: str,
    files: Sequence[AttachmentText] = (),
    now: datetime,
) -> Document:
    """One Document of an article: the sections of every translation, then its files. A draft translation is INTERNAL."""
    first = article.translations[0] if article.translations else None
    drafts = bool(article.translations) and all(translation.draft for translation in article.translations)
    visibility = Visibility.INTERNAL if drafts else article.visibility
    parts = [part for translation in article.translations for part in _section_parts(article, translation, primary=translation is first)]
    for file in files:
        if not file.pictured:
            parts.extend(_file_parts(file, Visibility.INTERNAL if file.internal else visibility, None))
    parts = list(_with_pictured(parts, files, visibility))
    return Document(
        document_id=document_id(company_id, platform, DocType.ARTICLE, article.original_id),
        connection_id=connection_id,
        platform=platform,
        doc_type=DocType.ARTICLE,
        original_id=article.original_id,
        title=_title(first.title if first else "", parts, article.original_id),
        parts=tuple(parts),
        content_hash=content_hash_of(article),
        source_version=version,
        visibility=visibility,
        language=(first.language if first else "") or detect_language(_sample(parts)),
        product=article.product,
        tags=article.tags,
        attributes=_filled({"Category": article.category, "Folder": article.folder, "Kind": "Canned response" if article.canned else ""}),
        url=article.url,
        presence=article.presence,
        created_at=article.created_at,
        updated_at=article.updated_at,
        stored_at=now,
    )


def merge_item(
    item: Ticket | Article,
    company_id: str,
    *,
    connection_id: str,
    platform: str,
    version: str,
    files: Sequence[AttachmentText] = (),
    now: datetime,
) -> Document:
    """One Document of whatever it is."""
    merge = merge_ticket if isinstance(item, Ticket) else merge_article
    return merge(item, company_id, connection_id=connection_id, platform=platform, version=version, files=files, now=now)  # type: ignore[arg-type]  # Chosen by its type.


def with_file_text(document: Document, file: AttachmentText) -> Document:
    """The same Document with this text of a file in the place of what was known of it before, or at the end.

    Text from pictures goes where a Document that is merged anew has it.
    """
    if file.pictured:
        others = [part for part in document.parts if part.attachment_id != file.attachment_id]
        return structs.replace(document, parts=_with_pictured(others, [file], document.visibility))
    parts = list(_file_parts(file, Visibility.INTERNAL if file.internal else document.visibility, None))
    at = next((place for place, part in enumerate(document.parts) if part.attachment_id == file.attachment_id), len(document.parts))
    others = [part for part in document.parts if part.attachment_id != file.attachment_id]
    return structs.replace(document, parts=(*others[:at], *parts, *others[at:]))


def _turn_parts(ticket: Ticket, files: Sequence[AttachmentText]) -> tuple[Part, ...]:
    """Turns in order, the description first, each followed by its files; the ticket's own files follow the description."""
    turns = sorted(ticket.conversations, key=lambda turn: (turn.kind is not ConversationKind.DESCRIPTION, turn.at))
    parts = _unrepeated(turns)
    if not files:
        return tuple([part for part in parts if part is not None])
    slots = [[] if part is None else [part] for part in parts] or [[]]
    place = {turn.original_id: number for number, turn in enumerate(turns)}
    for file in files:
        number = place.get(file.parent_id or "")
        internal = file.internal or (number is not None and is_internal(turns[number]))
        at = ticket.created_at if number is None else turns[number].at
        slots[number or 0].extend(_file_parts(file, Visibility.INTERNAL if internal else Visibility.CONVERSATION, at))
    return tuple(part for slot in slots for part in slot)


def _with_pictured(parts: Sequence[Part], files: Sequence[AttachmentText], visibility: Visibility) -> tuple[Part, ...]:
    """With the text of those files that is from pictures, at the end and in the order of their ids.

    It is recognized sooner or later, once for all tickets that carry a picture: so its place must not depend on when that was.
    """
    if not files:
        return tuple(parts)
    parts = list(parts)
    for file in files:
        if not file.pictured:
            continue
        place = len(parts)
        while place and parts[place - 1].at is None and (parts[place - 1].attachment_id or "") > file.attachment_id:
            place -= 1
        parts[place:place] = _file_parts(file, Visibility.INTERNAL if file.internal else visibility, None)
    return tuple(parts)


def _unrepeated(turns: Sequence[Conversation]) -> list[Part | None]:
    """A Part for every turn, None where it says nothing or only what its author said before."""
    parts: list[Part | None] = []
    said: dict[tuple[str, str], int] = {}
    for number, turn in enumerate(turns):
        part = _turn_part(turn)
        if part is not None:
            key = (turn.author.original_id if turn.author else turn.role.value, part.text)
            first = parts[said[key]] if key in said else None
            if first is None:
                said[key] = number
            elif first.visibility is Visibility.INTERNAL and part.visibility is not Visibility.INTERNAL:
                # What was a note first and was then sent to the customer is kept as what was sent.
                parts[said[key]] = None
                said[key] = number
            else:
                part = None
        parts.append(part)
    return parts


def is_internal(turn: Conversation) -> bool:
    # A forward goes to somebody else: the customer never saw it.
    return turn.private or turn.kind is ConversationKind.FORWARD


def _turn_part(turn: Conversation) -> Part | None:
    text = html_to_text(without_signatures(turn.html)) if turn.html else ""
    if not text and turn.text:
        text = clean_text(turn.text)
    # An agent's forward carries the ticket itself once more; what a customer forwards is what the ticket is about.
    text = strip_quoted(text, keep_forwarded=turn.kind is not ConversationKind.FORWARD)
    if not text:
        return None
    return Part(
        kind=turn.kind.value,
        text=text,
        visibility=Visibility.INTERNAL if is_internal(turn) else Visibility.CONVERSATION,
        role=turn.role,
        author=turn.author.name if turn.author else "",
        at=turn.at,
    )


def _section_parts(article: Article, translation: Translation, *, primary: bool) -> Iterator[Part]:
    visibility = Visibility.INTERNAL if translation.draft else article.visibility
    path: list[tuple[int, str]] = [] if primary or not translation.title else [(0, translation.title)]
    for section in html_sections(without_signatures(translation.html)):
        if section.heading:
            while path and path[-1][0] >= section.level:
                path.pop()
            path.append((section.level, section.heading))
        if section.text:
            yield Part(
                kind=DocType.ARTICLE.value,
                text=section.text,
                visibility=visibility,
                heading=" > ".join(heading for _, heading in path),
                language=translation.language,
            )


def _file_parts(file: AttachmentText, visibility: Visibility, at: datetime | None) -> Iterator[Part]:
    for piece in file.pieces:
        text = f"{piece.heading}\n{piece.text}" if piece.heading else piece.text
        if piece.text.strip():
            yield Part(
                kind="attachment",
                text=text,
                visibility=visibility,
                at=at,
                heading=file.name,
                page=piece.page,
                attachment_id=file.attachment_id,
            )


def _title(subject: str, parts: Sequence[Part], original_id: str) -> str:
    title = " ".join(clean_text(subject).split())
    if not title and parts:
        title = parts[0].text.split("\n", 1)[0]
    return title[:_TITLE_MAX].strip() or f"#{original_id}"


def _spoken_language(subject: str, parts: Sequence[Part]) -> str:
    """Of what customer and agent wrote; of the subject where they wrote nothing."""
    said = [part for part in parts if part.role in (Role.CUSTOMER, Role.AGENT)]
    return detect_language(_sample(said)) or detect_language(subject)


def _sample(parts: Sequence[Part]) -> str:
    return "\n".join([part.text[:_LANGUAGE_SAMPLE] for part in parts[:20]])[:_LANGUAGE_SAMPLE]


def _ticket_attributes(ticket: Ticket) -> dict[str, str]:
    named = {
        "Group": ticket.group,
        "Type": ticket.ticket_type,
        "Channel": ticket.channel,
        "Organization": ticket.organization.name if ticket.organization else None,
        "Satisfaction": ticket.satisfaction,
        "Merged into": ticket.merged_into,
    }
    return _filled(ticket.custom_fields) | _filled(named)


def _filled(values: dict[str, Any]) -> dict[str, str]:
    return {label: value for label, value in values.items() if value}
