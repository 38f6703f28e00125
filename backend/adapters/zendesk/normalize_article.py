"""Zendesk's articles and macros as ours: pure functions (https://developer.zendesk.com/api-reference/help_center/help-center-api/articles/)."""

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from backend.adapters.zendesk.fields import Record, child, ident, malformed, moment, needed_ident, needed_moment, records, text, texts
from backend.adapters.zendesk.html import plain
from backend.adapters.zendesk.normalize import attachment_of
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.ticket import Attachment
from backend.core.text.language import detect_language

MACRO: Final = "macro-"
"""Begins the id of a macro: articles have ids of their own that may be the same numbers."""
_SEGMENTS: Final = {"signed_in_users": Visibility.RESTRICTED, "staff": Visibility.INTERNAL}
"""https://developer.zendesk.com/api-reference/help_center/help-center-api/user_segments/"""
_OPENNESS: Final = (Visibility.PUBLIC, Visibility.RESTRICTED, Visibility.INTERNAL)
_COMMENTS: Final = ("comment_value_html", "rich_comment", "comment_value")
"""Actions of a macro that write a comment, the richest first."""
_LONGEST_PATH: Final = 10
_OF_SECTIONS: Final = ("id", "name", "category_id", "parent_section_id")


class Shelves(Struct, frozen=True, kw_only=True):
    """Where articles stand, and who may read them."""

    sections: dict[str, Record]
    categories: dict[str, str]
    segments: dict[str, str]
    """User segment -> `signed_in_users` or `staff`."""

    def place_of(self, article: Record) -> tuple[str, str]:
        """The category, and the path of sections to an article."""
        path: list[str] = []
        section = self.sections.get(ident(article, "section_id") or "")
        category = ""
        while section is not None and len(path) < _LONGEST_PATH:
            path.insert(0, text(section, "name"))
            category = category or self.categories.get(ident(section, "category_id") or "", "")
            section = self.sections.get(ident(section, "parent_section_id") or "")
        return category, " / ".join(filter(None, path))

    def around(self, article: Record) -> "Shelves":
        """What of it says where this article stands and who may read it."""
        sections: dict[str, Record] = {}
        key = ident(article, "section_id")
        while key is not None and key not in sections and (found := self.sections.get(key)) is not None:
            sections[key] = {name: found[name] for name in _OF_SECTIONS if name in found}
            key = ident(found, "parent_section_id")
        categories = {ident(section, "category_id") or "" for section in sections.values()}
        return Shelves(
            sections=sections,
            categories={key: name for key, name in self.categories.items() if key in categories},
            segments={key: name for key, name in self.segments.items() if key in _segments_of(article)},
        )

    def visibility_of(self, article: Record) -> Visibility:
        """Who may read an article that is published. A segment that we don't know is for agents only."""
        segments = _segments_of(article)
        if not segments:
            # Null means everybody; an article that says nothing of it at all has not said that.
            return Visibility.PUBLIC if "user_segment_id" in article else Visibility.INTERNAL
        found = {_SEGMENTS.get(self.segments.get(key, ""), Visibility.INTERNAL) for key in segments}
        return next(each for each in _OPENNESS if each in found)


def _segments_of(article: Record) -> set[str]:
    """The user segments that may read an article."""
    listed = article.get("user_segment_ids")
    segments = {str(key) for key in listed if key is not None} if isinstance(listed, list) else set()
    own = ident(article, "user_segment_id")
    return segments if own is None else segments | {own}


def language_of(locale: str) -> str:
    """`en-us` -> `en`, `pt-br` -> `pt-BR`: the region stays where it tells languages apart."""
    language, _, region = locale.replace("_", "-").partition("-")
    language = language.lower()
    return language if not region or (language, region.lower()) in {("en", "us"), ("ko", "kr")} else f"{language}-{region.upper()}"


def article_of(record: Record, shelves: Shelves, files: Sequence[Record], *, product: str = "") -> Article:
    """One logical article from the listing with its translations, the source language first."""
    article_id = needed_ident(record, "id")
    source = text(record, "source_locale") or text(record, "locale")
    written = [each for each in records(record, "translations") if text(each, "locale")] or [record]
    written.sort(key=lambda each: text(each, "locale") != source)
    translations = tuple(_translation(each, record) for each in written)
    published = any(not translation.draft for translation in translations)
    visibility = shelves.visibility_of(record) if published else Visibility.INTERNAL
    category, folder = shelves.place_of(record)
    updated = [at for at in (moment(record, "updated_at"), *(translation.updated_at for translation in translations)) if at is not None]
    return Article(
        original_id=article_id,
        translations=translations,
        category=category,
        folder=folder,
        visibility=visibility,
        tags=texts(record, "label_names"),
        attachments=tuple(_attachments(files, internal=visibility is Visibility.INTERNAL)),
        created_at=moment(record, "created_at") or min(updated),
        updated_at=max(updated),
        url=text(record, "html_url") or None,
        product=product or None,
    )


def macro_of(record: Record) -> Article | None:
    """A macro (https://developer.zendesk.com/api-reference/ticketing/business-rules/macros/); None where it is no knowledge of the company.

    It is written to be sent, so one that all agents may use may be quoted to its customer. One of some groups, or whose
    comment is private, stays with agents. One of a single agent, one switched off, and one that says nothing, are left out.
    """
    restriction = child(record, "restriction")
    markup = _comment_of(record)
    if record.get("active") is False or text(restriction, "type") == "User" or not plain(markup).strip():
        return None
    private = any(
        text(action, "field") == "comment_mode_is_public" and _is_false(action.get("value")) for action in records(record, "actions")
    )
    restricted = record.get("restriction") is not None or private
    folder, _, title = text(record, "title").rpartition("::")
    updated_at = needed_moment(record, "updated_at")
    language = detect_language(plain(markup)) or "en"
    return Article(
        original_id=f"{MACRO}{needed_ident(record, 'id')}",
        translations=(Translation(language=language, title=title, html=markup, updated_at=updated_at),),
        category="Macros",
        folder=folder.replace("::", " / "),
        visibility=Visibility.INTERNAL if restricted else Visibility.RESTRICTED,
        canned=True,
        created_at=moment(record, "created_at") or updated_at,
        updated_at=updated_at,
    )


def _comment_of(record: Record) -> str:
    """The comment a macro writes, as HTML; a plain one may come as `[channel, text]`."""
    said: dict[str, str] = {}
    for action in records(record, "actions"):
        value: Any = action.get("value")
        value = value[-1] if isinstance(value, list) and value else value
        if isinstance(value, str):
            said[text(action, "field")] = value
    for field in _COMMENTS:
        if said.get(field):
            return said[field] if field != "comment_value" else html.escape(said[field]).replace("\n", "<br>")
    return ""


def _is_false(value: Any) -> bool:
    return value is False or value == "false"


def _translation(record: Record, article: Record) -> Translation:
    return Translation(
        language=language_of(text(record, "locale")),
        title=text(record, "title") or text(record, "name"),
        html=text(record, "body"),
        draft=record.get("draft") is not False,
        updated_at=moment(record, "updated_at") or needed_moment(article, "updated_at"),
    )


def _attachments(files: Sequence[Record], *, internal: bool) -> list[Attachment]:
    found = [attachment_of(entry, key, internal=internal) for entry in files if (key := ident(entry, "id")) is not None]
    return list({each.original_id: each for each in found}.values())


def shelves_of(sections: Sequence[Record], categories: Sequence[Record], segments: Sequence[Record]) -> Shelves:
    """The tree of the help center, and its user segments."""
    return Shelves(
        sections=_by_id(sections),
        categories={key: text(category, "name") for key, category in _by_id(categories).items()},
        segments={key: text(segment, "user_type") for key, segment in _by_id(segments).items()},
    )


def _by_id(found: Sequence[Record]) -> dict[str, Record]:
    return {key: record for record in found if (key := ident(record, "id")) is not None}


def listed_at(record: Record) -> str:
    """When an article or one of its translations was last changed, as a text that sorts."""
    moments = [at for each in (record, *records(record, "translations")) if (at := moment(each, "updated_at")) is not None]
    if not moments:
        raise malformed("updated_at", "no time")
    return max(moments).isoformat()


def stands(record: Record, shelves: Shelves) -> Mapping[str, Any]:
    """What of an article's place and openness has to be read again when it changes, though none of its times does."""
    drafts = {text(each, "locale"): each.get("draft") for each in records(record, "translations")}
    return {"place": shelves.place_of(record), "open": shelves.visibility_of(record).value, "drafts": drafts, "draft": record.get("draft")}
