"""Freshdesk's solution articles and canned responses as ours: pure functions (https://developers.freshdesk.com/api/#solutions)."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from backend.adapters.freshdesk.fields import Record, malformed, moment, needed_ident, needed_moment, number, text, texts
from backend.adapters.freshdesk.html import inline_images
from backend.adapters.freshdesk.normalize import attachments_of
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.ticket import Attachment

_VISIBILITIES: Final = {
    1: Visibility.PUBLIC,
    2: Visibility.RESTRICTED,
    3: Visibility.INTERNAL,
    4: Visibility.RESTRICTED,
    5: Visibility.INTERNAL,
    6: Visibility.RESTRICTED,
    7: Visibility.RESTRICTED,
}
"""Everybody, signed-in, agents, companies, bots, contact segments, company segments
(https://developers.freshdesk.com/api/#solution_folder_attributes)."""
_DRAFT: Final = 1
_ALL_AGENTS: Final = 0
CANNED: Final = "canned-"
"""Begins the id of a canned response: articles have ids of their own that may be the same numbers."""


class Folder(Struct, frozen=True, kw_only=True):
    """A folder of the knowledge base, with the way to it."""

    folder_id: int
    path: str
    category: str
    visibility: int


def folder_visibility(value: int) -> Visibility:
    """Who may read a folder; what we don't know is for agents only."""
    return _VISIBILITIES.get(value, Visibility.INTERNAL)


def is_draft(record: Record) -> bool:
    """Whether an article in one language is not published (status 1: draft, 2: published)."""
    return number(record, "status") == _DRAFT


def article_of(records: Mapping[str, Record], folder: Folder, *, site: str) -> Article:
    """One logical article from its languages, the primary first."""
    if not records:
        raise malformed("articles", "empty")
    first = next(iter(records.values()))
    article_id = needed_ident(first, "id")
    published = [record for record in records.values() if not is_draft(record)]
    visibility = folder_visibility(folder.visibility) if published else Visibility.INTERNAL
    internal = visibility is Visibility.INTERNAL
    place = "support" if visibility is Visibility.PUBLIC else "a"
    return Article(
        original_id=article_id,
        translations=tuple(_translation(language, record) for language, record in records.items()),
        category=folder.category,
        folder=folder.path,
        visibility=visibility,
        tags=tuple(dict.fromkeys(tag for record in records.values() for tag in texts(record, "tags"))),
        attachments=_attachments(records, internal=internal),
        created_at=min(needed_moment(record, "created_at") for record in records.values()),
        updated_at=max(needed_moment(record, "updated_at") for record in records.values()),
        url=f"{site}/{place}/solutions/articles/{article_id}",
    )


def canned_of(record: Record, folder: str, language: str) -> Article:
    """A canned response (https://developers.freshdesk.com/api/#canned-responses).

    It is written to be sent, so where it says that all agents may use it, a reply may quote it to its customer. One of
    some groups or of a single agent, or that says nothing, stays with agents: it may hold what only they should promise.
    """
    response_id = needed_ident(record, "id")
    everyone = number(record, "visibility") == _ALL_AGENTS
    visibility = Visibility.RESTRICTED if everyone else Visibility.INTERNAL
    updated_at = needed_moment(record, "updated_at")
    markup = text(record, "content_html") or text(record, "content")
    internal = not everyone
    listed = attachments_of(record.get("attachments"), parent_id=None, internal=internal)
    return Article(
        original_id=f"{CANNED}{response_id}",
        translations=(Translation(language=language, title=text(record, "title"), html=markup, updated_at=updated_at),),
        category="Canned responses",
        folder=folder,
        visibility=visibility,
        attachments=(*listed, *inline_images(markup, parent_id=None, internal=internal)),
        canned=True,
        created_at=moment(record, "created_at") or updated_at,
        updated_at=updated_at,
    )


def _translation(language: str, record: Record) -> Translation:
    return Translation(
        language=language,
        title=text(record, "title"),
        html=text(record, "description") or text(record, "description_text"),
        draft=is_draft(record),
        updated_at=needed_moment(record, "updated_at"),
    )


def _attachments(records: Mapping[str, Record], *, internal: bool) -> tuple[Attachment, ...]:
    found: dict[str, Attachment] = {}
    for record in records.values():
        # What hangs on a draft only is not for customers yet, although the article is.
        hidden = internal or is_draft(record)
        for attachment in (
            *attachments_of(record.get("attachments"), parent_id=None, internal=hidden),
            *inline_images(text(record, "description"), parent_id=None, internal=hidden),
        ):
            if attachment.original_id not in found or (found[attachment.original_id].internal and not hidden):
                found[attachment.original_id] = attachment
    return tuple(found.values())
