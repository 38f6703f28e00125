"""One help center, at the host of its brand (https://developer.zendesk.com/api-reference/help_center/help-center-api/introduction/)."""

from typing import Any, Final

import orjson
from msgspec import to_builtins

from backend.adapters.http.once import Once
from backend.adapters.http.together import together
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, needed_ident, record_of
from backend.adapters.zendesk.normalize_article import Shelves, article_of, listed_at, shelves_of, stands
from backend.core.errors import AppError, Code
from backend.core.ids import text_hash
from backend.core.model.document import DocType
from backend.core.model.sync import Fetched, ItemRef

_HELP: Final = "/help_center"


class HelpCenter:
    """The help center of one brand; `mark` is in the version of each of its articles, empty for the connection's own."""

    def __init__(self, client: ZendeskClient, *, product: str = "", mark: str = "") -> None:
        self.client = client
        self.product = product
        """The brand's name, where the account has several."""
        self.mark = mark
        self._shelves: Once[Shelves] = Once(self._load_shelves)

    async def list(self) -> list[ItemRef]:
        """All its articles. The client's errors, where there is no help center too."""
        self._shelves.forget()
        articles = await self.client.everything(f"{_HELP}/articles.json", "articles", {"include": "translations"})
        shelves = await self._shelves.get() if articles else shelves_of((), (), ())
        return [self._ref(article, shelves) for article in articles]

    async def fetch(self, article_id: str, listed: Record) -> Fetched:
        """An article, from its listing where that is at hand."""
        path = f"{_HELP}/articles/{article_id}"
        article = listed
        if not article:
            article, translations = await together(
                self.client.record(f"{path}.json", "article"), self._translations(f"{path}/translations.json")
            )
            article = {**article, "translations": translations["translations"]}
        files = await self.client.everything(f"{path}/attachments.json", "article_attachments", optional=True)
        article = record_of(article, "article")
        shelves = await self._shelves.get()
        raw: dict[str, Any] = {"article": article, "article_attachments": files, "shelves": to_builtins(shelves.around(article))}
        if self.product:
            raw["product"] = self.product
        return Fetched(item=article_of(article, shelves, files, product=self.product), raw=orjson.dumps(raw))

    def _ref(self, article: Record, shelves: Shelves) -> ItemRef:
        at = listed_at(article)
        # Moving an article, opening it to others, or renaming its brand changes none of its times.
        place = {**stands(article, shelves), **({"product": self.product} if self.product else {})}
        version = f"{at} {text_hash(orjson.dumps(place).decode())[:8]}{self.mark}"
        hint = {"version": version, "at": at, "article": article} | ({"brand": self.mark} if self.mark else {})
        return ItemRef(doc_type=DocType.ARTICLE, original_id=needed_ident(article, "id"), version=version, hint=hint)

    async def _translations(self, path: str) -> Record:
        return {"translations": await self.client.everything(path, "translations")}

    async def _load_shelves(self) -> Shelves:
        sections, categories, segments = await together(
            self.client.everything(f"{_HELP}/sections.json", "sections", optional=True),
            self.client.everything(f"{_HELP}/categories.json", "categories", optional=True),
            self.client.everything(f"{_HELP}/user_segments.json", "user_segments", optional=True),
        )
        return shelves_of(sections, categories, segments)


def article_digits(value: str) -> str:
    """An id of a path. Raises SOURCE_ITEM_NOT_FOUND where it is none."""
    if not (value.isascii() and value.isdecimal()):
        raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "Zendesk's ids are numbers; there is no such item.")
    return value
