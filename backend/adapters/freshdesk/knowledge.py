"""The stream of articles: folders with all their articles in all languages, then canned responses.

The knowledge base tells no changes since a moment, so every run lists all of it (a few calls per folder and language)
and the versions say what is new. A listing that went through to its end has named every article there is; nothing
more is said about those that are gone.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from backend.adapters.freshdesk.client import FreshdeskClient
from backend.adapters.freshdesk.fields import Record, ident, malformed, needed_ident, needed_moment, number, record_of, text, texts
from backend.adapters.freshdesk.normalize_article import CANNED, Folder, article_of, canned_of
from backend.adapters.http.once import Once
from backend.adapters.http.together import together
from backend.core.errors import AppError, Code
from backend.core.ids import text_hash
from backend.core.model.article import Article
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream

_FOLDERS_AT_ONCE: Final = 8
_ALL_FOLDERS: Final = "folders"
_ALL_CANNED: Final = "canned"


class Knowledge:
    """One account's articles and canned responses."""

    def __init__(self, client: FreshdeskClient, *, site: str) -> None:
        self._client = client
        self._site = site
        self._tree: Once[list[Folder]] = Once(self._folders)
        self.languages: Once[tuple[str, ...]] = Once(self._told_languages)
        self._subfolders = True
        """Turns False once the account shows that it has no such feature."""

    async def list_page(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page: the articles of the next few folders, or, behind the last folder, all canned responses."""
        if cursor.position.get("part") == _ALL_CANNED:
            return self._page(await self._canned_refs(), options, {}, last=True)
        behind = cursor.position.get("after", 0)
        if not behind:
            self._tree.forget()
        folders = [folder for folder in await self._tree.get() if folder.folder_id > behind][:_FOLDERS_AT_ONCE]
        if not folders:
            return self._page([], options, {"part": _ALL_CANNED}, last=False)
        refs = [ref for found in await together(*map(self._folder_refs, folders)) for ref in found]
        return self._page(refs, options, {"part": _ALL_FOLDERS, "after": folders[-1].folder_id}, last=False)

    async def fetch(self, ref: ItemRef) -> Fetched:
        """An article or canned response, from the listing's hint where that is of this version and whole."""
        hint = ref.hint if ref.version and ref.hint.get("version") == ref.version else {}
        if ref.original_id.startswith(CANNED):
            return await self._fetch_canned(ref.original_id.removeprefix(CANNED), hint)
        records = {str(language): record_of(record, "article") for language, record in (hint.get("articles") or {}).items()}
        if not records or not all("description" in record and "attachments" in record for record in records.values()):
            records = await self._view(ref.original_id)
        folder = await self._folder_of(next(iter(records.values())))
        return _fetched(article_of(records, folder, site=self._site), {"articles": dict(records), "folder": folder})

    def _page(self, refs: list[ItemRef], options: RunOptions, position: dict[str, Any], *, last: bool) -> Listing:
        since, until = options.since, options.until
        kept = tuple(
            ref
            for ref in refs
            if (since is None or ref.hint["at"] >= since.isoformat()) and (until is None or ref.hint["at"] < until.isoformat())
        )
        return Listing(refs=kept, next=Cursor(stream=Stream.ARTICLES, position=position), last=last)

    async def _folder_refs(self, folder: Folder) -> list[ItemRef]:
        primary, *others = await self.languages.get()
        path = f"/solutions/folders/{folder.folder_id}/articles"
        pages = [self._client.everything(path), *(self._client.everything(f"{path}/{language}", optional=True) for language in others)]
        articles: dict[str, dict[str, Record]] = {}
        for language, records in zip((primary, *others), await together(*pages), strict=True):
            for record in records:
                articles.setdefault(needed_ident(record, "id"), {})[language] = record
        return [article_ref(key, records, folder) for key, records in articles.items()]

    async def _canned_refs(self) -> list[ItemRef]:
        folders = await self._client.everything("/canned_response_folders", optional=True)
        # Personal ones are an agent's own notes and no knowledge of the company.
        shared = [folder for folder in folders if folder.get("personal") is not True]
        paths = [f"/canned_response_folders/{needed_ident(folder, 'id')}/responses" for folder in shared]
        lists = await together(*(self._client.everything(path, optional=True) for path in paths))
        return [canned_ref(record, text(folder, "name")) for folder, records in zip(shared, lists, strict=True) for record in records]

    async def _fetch_canned(self, response_id: str, hint: Any) -> Fetched:
        record = record_of(hint.get("canned") or {}, "canned_response")
        if "content_html" not in record and "content" not in record:
            record = await self._client.record(f"/canned_responses/{_digits(response_id)}")
        primary, *_ = await self.languages.get()
        folder = hint.get("folder") or await self._canned_folder(ident(record, "folder_id"))
        return _fetched(canned_of(record, folder, primary), {"canned": record, "folder": folder, "language": primary})

    async def _canned_folder(self, folder_id: str | None) -> str:
        folders = await self._client.everything("/canned_response_folders", optional=True)
        return next((text(folder, "name") for folder in folders if ident(folder, "id") == folder_id), "")

    async def _view(self, article_id: str) -> dict[str, Record]:
        path = f"/solutions/articles/{_digits(article_id)}"
        primary, *others = await self.languages.get()
        first, *rest = await together(
            self._client.record(path), *(self._client.optional_record(f"{path}/{language}") for language in others)
        )
        if first is None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND)
        return {primary: first} | {language: record for language, record in zip(others, rest, strict=True) if record is not None}

    async def _folder_of(self, record: Record) -> Folder:
        folder_id = number(record, "folder_id")
        for folder in await self._tree.get():
            if folder.folder_id == folder_id:
                return folder
        # A folder made after the tree was read, or one we may not see: for agents until the next listing knows better.
        return Folder(folder_id=folder_id or 0, path="", category="", visibility=0)

    async def _told_languages(self) -> tuple[str, ...]:
        """The primary language first (https://developers.freshdesk.com/api/#view_helpdesk_settings)."""
        settings = await self._client.optional_record("/settings/helpdesk") or {}
        primary = text(settings, "primary_language") or "en"
        return tuple(dict.fromkeys((primary, *texts(settings, "supported_languages"))))

    async def _folders(self) -> list[Folder]:
        """All folders by id, so that a cursor finds its place again when one was added or removed."""
        categories = await self._client.everything("/solutions/categories")
        lists = await together(
            *(self._client.everything(f"/solutions/categories/{needed_ident(category, 'id')}/folders") for category in categories)
        )
        found: dict[int, Folder] = {}
        for category, folders in zip(categories, lists, strict=True):
            await together(*(self._descend(folder, "", text(category, "name"), found) for folder in folders))
        return sorted(found.values(), key=lambda folder: folder.folder_id)

    async def _descend(self, record: Record, above: str, category: str, found: dict[int, Folder]) -> None:
        folder_id = number(record, "id")
        if folder_id is None:
            raise malformed("id", "missing")
        path = " / ".join(filter(None, (above, text(record, "name"))))
        known = found.get(folder_id)
        # A category may list its nested folders as well: the longer way to a folder is the right one.
        if known is not None and len(known.path) >= len(path):
            return
        found[folder_id] = Folder(folder_id=folder_id, path=path, category=category, visibility=number(record, "visibility") or 0)
        inside = number(record, "sub_folders_count")
        if self._subfolders and inside != 0:
            for child in await self._children(folder_id, known=bool(inside)):
                await self._descend(child, path, category, found)

    async def _children(self, folder_id: int, *, known: bool) -> list[Record]:
        """A folder's own folders; `known`: it said that it has some."""
        try:
            return await self._client.everything(f"/solutions/folders/{folder_id}/subfolders")
        except AppError as error:
            if error.code not in (Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_PLAN_MISSING, Code.SOURCE_ITEM_NOT_FOUND):
                raise
            if known and error.code is Code.SOURCE_PERMISSION_MISSING:
                self._client.refused.add("subfolders")
            # Accounts without nested folders answer 403 or 404 for every folder.
            self._subfolders = False
            return []


def article_ref(article_id: str, records: Mapping[str, Record], folder: Folder) -> ItemRef:
    """An article as a listing names it, with all that is needed to fetch it."""
    at = max(needed_moment(record, "updated_at") for record in records.values()).isoformat()
    # Moving or opening a folder changes who may read its articles, and none of their times.
    place = text_hash(folder.category, folder.path)[:8]
    version = f"{at} {','.join(records)} v{folder.visibility} {place}"
    hint = {"version": version, "at": at, "articles": records}
    return ItemRef(doc_type=DocType.ARTICLE, original_id=article_id, version=version, hint=hint)


def canned_ref(record: Record, folder: str) -> ItemRef:
    """A canned response as a listing names it, with all that is needed to fetch it."""
    at = needed_moment(record, "updated_at").isoformat()
    version = f"{at} {text_hash(folder)[:8]}"
    hint = {"version": version, "at": at, "canned": record, "folder": folder}
    return ItemRef(doc_type=DocType.ARTICLE, original_id=f"{CANNED}{needed_ident(record, 'id')}", version=version, hint=hint)


def _fetched(article: Article, raw: dict[str, Any]) -> Fetched:
    folder = raw.get("folder")
    if isinstance(folder, Folder):
        raw["folder"] = {"id": folder.folder_id, "path": folder.path, "category": folder.category, "visibility": folder.visibility}
    return Fetched(item=article, raw=orjson.dumps(raw))


def _digits(value: str) -> str:
    if not value.isdecimal():
        raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "Freshdesk's ids are numbers; there is no such item.")
    return value
