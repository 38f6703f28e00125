"""The stream of articles: the help center's in all languages, then macros.

The help center's own incremental export tells of no deletion and of no change of who may read, so every run lists all of
it: a hundred articles with all their translations a call. The versions say what is new.
"""

from typing import Any, Final

import orjson
from msgspec import to_builtins

from backend.adapters.http.once import Once
from backend.adapters.http.together import together
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, needed_ident, needed_moment, record_of
from backend.adapters.zendesk.normalize_article import MACRO, Shelves, article_of, listed_at, macro_of, shelves_of, stands
from backend.core.errors import AppError, Code
from backend.core.ids import text_hash
from backend.core.model.article import Article
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream

_HELP: Final = "/help_center"
_MACROS: Final = "macros"
_NO_HELP_CENTER: Final = frozenset({Code.SOURCE_ITEM_NOT_FOUND, Code.SOURCE_PLAN_MISSING})


class Knowledge:
    """One account's articles and macros."""

    def __init__(self, client: ZendeskClient) -> None:
        self._client = client
        self._shelves: Once[Shelves] = Once(self._load_shelves)

    async def list_page(self, cursor: Cursor, options: RunOptions) -> Listing:
        """All articles, and behind them all macros."""
        if cursor.position.get("part") == _MACROS:
            refs = [ref for macro in await self._client.everything("/macros.json", "macros", optional=True) if (ref := _macro_ref(macro))]
            return _page(refs, options, {}, last=True)
        self._shelves.forget()
        try:
            articles = await self._client.everything(f"{_HELP}/articles.json", "articles", {"include": "translations"})
        except AppError as error:
            # An account without a help center still has its macros.
            if error.code not in _NO_HELP_CENTER:
                raise
            articles = []
        shelves = await self._shelves.get() if articles else shelves_of((), (), ())
        refs = [_article_ref(article, shelves) for article in articles]
        return _page(refs, options, {"part": _MACROS}, last=False)

    async def fetch(self, ref: ItemRef) -> Fetched:
        """An article or macro, from the listing's hint where that is of this version."""
        hint = ref.hint if ref.version and ref.hint.get("version") == ref.version else {}
        if ref.original_id.startswith(MACRO):
            return await self._fetch_macro(ref.original_id.removeprefix(MACRO), hint)
        path = f"{_HELP}/articles/{_digits(ref.original_id)}"
        article: Record = hint.get("article") or {}
        if not article:
            article, translations = await together(
                self._client.record(f"{path}.json", "article"), self._translations(f"{path}/translations.json")
            )
            article = {**article, "translations": translations["translations"]}
        files = await self._client.everything(f"{path}/attachments.json", "article_attachments", optional=True)
        article = record_of(article, "article")
        shelves = await self._shelves.get()
        beside = to_builtins(shelves.around(article))
        return _fetched(article_of(article, shelves, files), {"article": article, "article_attachments": files, "shelves": beside})

    async def _translations(self, path: str) -> Record:
        return {"translations": await self._client.everything(path, "translations")}

    async def _fetch_macro(self, macro_id: str, hint: Any) -> Fetched:
        macro: Record = hint.get("macro") or await self._client.record(f"/macros/{_digits(macro_id)}.json", "macro")
        made = macro_of(macro)
        if made is None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "This macro is switched off, one agent's own, or says nothing.")
        return _fetched(made, {"macro": macro})

    async def _load_shelves(self) -> Shelves:
        sections, categories, segments = await together(
            self._client.everything(f"{_HELP}/sections.json", "sections", optional=True),
            self._client.everything(f"{_HELP}/categories.json", "categories", optional=True),
            self._client.everything(f"{_HELP}/user_segments.json", "user_segments", optional=True),
        )
        return shelves_of(sections, categories, segments)


def _page(refs: list[ItemRef], options: RunOptions, position: dict[str, Any], *, last: bool) -> Listing:
    since, until = options.since, options.until
    kept = tuple(
        ref
        for ref in refs
        if (since is None or ref.hint["at"] >= since.isoformat()) and (until is None or ref.hint["at"] < until.isoformat())
    )
    return Listing(refs=kept, next=Cursor(stream=Stream.ARTICLES, position=position), last=last)


def _article_ref(article: Record, shelves: Shelves) -> ItemRef:
    at = listed_at(article)
    # Moving an article, or opening it to others, changes none of its times.
    version = f"{at} {text_hash(orjson.dumps(stands(article, shelves)).decode())[:8]}"
    hint = {"version": version, "at": at, "article": article}
    return ItemRef(doc_type=DocType.ARTICLE, original_id=needed_ident(article, "id"), version=version, hint=hint)


def _macro_ref(macro: Record) -> ItemRef | None:
    made = macro_of(macro)
    if made is None:
        return None
    at = needed_moment(macro, "updated_at").isoformat()
    version = f"{at} {text_hash(made.folder, made.visibility)[:8]}"
    return ItemRef(
        doc_type=DocType.ARTICLE, original_id=made.original_id, version=version, hint={"version": version, "at": at, "macro": macro}
    )


def _fetched(article: Article, raw: dict[str, Any]) -> Fetched:
    return Fetched(item=article, raw=orjson.dumps(raw))


def _digits(value: str) -> str:
    if not (value.isascii() and value.isdecimal()):
        raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "Zendesk's ids are numbers; there is no such item.")
    return value
