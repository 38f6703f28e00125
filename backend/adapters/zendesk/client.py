"""Zendesk's endpoints and paging, as raw dicts (https://developer.zendesk.com/api-reference/)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from backend.adapters.http.client import HttpClient, Patience
from backend.adapters.zendesk.fields import Record, child, malformed, record_of, records
from backend.core.errors import AppError, Code

PER_PAGE: Final = 100
"""The most a page of a list may have (https://developer.zendesk.com/api-reference/introduction/pagination/)."""
PER_EXPORT: Final = 1_000
"""The most a page of an incremental export may have."""
_MOST_PAGES: Final = 10_000
_ABSENT: Final = frozenset({Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_PLAN_MISSING, Code.SOURCE_ITEM_NOT_FOUND})
_SIDES: Final = "users,organizations,metric_sets,comment_count"


class ZendeskClient:
    """One account's API. Every method raises AppError as `HttpClient.get` does."""

    def __init__(self, http: HttpClient, prefix: str = "") -> None:
        self.http = http
        self._api = f"{prefix}/api/v2"
        self.refused: set[str] = set()
        """Optional lists that the user's role may not read, by name."""

    async def export(self, *, since: int, cursor: str = "", sides: bool = True) -> Record:
        """One page of tickets in the order in which their rows were generated.

        https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/#incremental-ticket-export-cursor-based
        """
        place: dict[str, str | int] = {"cursor": cursor} if cursor else {"start_time": since}
        more: dict[str, str | int] = {"include": _SIDES} if sides else {}
        path = "/incremental/tickets/cursor.json"
        try:
            return await self._body(path, place | more | {"per_page": PER_EXPORT}, urgent=True)
        except AppError as error:
            # An answer larger than we take: a thousand tickets of the longest kind. Fewer of them fit.
            if error.code is not Code.SOURCE_MALFORMED or error.details.get("reason"):
                raise
            return await self._body(path, place | more | {"per_page": PER_PAGE}, urgent=True)

    async def events(self, since: int) -> Record:
        """One page of what happened to tickets, with the comments (…/incremental_exports/#incremental-ticket-event-export)."""
        query: dict[str, str | int] = {"start_time": since, "include": "comment_events", "per_page": PER_EXPORT}
        return await self._body("/incremental/ticket_events.json", query, urgent=True)

    async def ticket(self, ticket_id: str) -> Record:
        """One ticket with its side-loads."""
        return await self._body(f"/tickets/{_segment(ticket_id)}.json", {"include": _SIDES})

    async def comments(self, ticket_id: str) -> tuple[list[Record], list[Record]]:
        """All comments of a ticket, oldest first, and their writers (…/tickets/ticket_comments/#list-comments)."""
        return await self._pages(f"/tickets/{_segment(ticket_id)}/comments.json", "comments", {"include": "users"}, side="users")

    async def ends(self, order: str) -> list[Record]:
        """The first tickets by `id` or `-id` that are neither deleted nor archived (…/tickets/tickets/#list-tickets)."""
        query: dict[str, str | int] = {"page[size]": PER_PAGE, "sort": order}
        return records(await self._body("/tickets.json", query, urgent=True), "tickets")

    async def deleted_page(self, after: str) -> Record:
        """One page of the trash (…/tickets/tickets/#list-deleted-tickets)."""
        query: dict[str, str | int] = {"page[size]": PER_PAGE}
        return await self._body("/deleted_tickets.json", query | ({"page[after]": after} if after else {}), urgent=True)

    async def many(self, name: str, ids: Sequence[str]) -> list[Record]:
        """Users or organizations by id, at most a hundred; unknown ones are left out."""
        return records(await self._body(f"/{name}/show_many.json", {"ids": ",".join(ids)}, urgent=True), name)

    async def everything(self, path: str, name: str, query: Mapping[str, str] | None = None, *, optional: bool = False) -> list[Record]:
        """All pages of a list. With `optional` an absent feature or permission makes it empty."""
        try:
            return (await self._pages(path, name, query or {}, urgent=True))[0]
        except AppError as error:
            if optional and self.is_absent(error, name):
                return []
            raise

    async def record(self, path: str, name: str) -> Record:
        """One record."""
        return record_of((await self._body(path, {})).get(name), name)

    async def probe(self, path: str, patience: Patience) -> Record:
        """One quick look, for checking what a credential may read."""
        answer = await self.http.get(f"{self._api}{path}", patience=patience, urgent=True)
        return record_of(answer.value, path)

    def is_absent(self, error: AppError, name: str) -> bool:
        """Whether an error says that there is nothing to read here; what is refused is remembered by its name."""
        if error.code is Code.SOURCE_PERMISSION_MISSING:
            self.refused.add(name)
        return error.code in _ABSENT

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: Mapping[str, str] | None = None
    ) -> Record:
        """A request that may change something, sent once: who asks decides about a second time."""
        asked = f"?{urlencode(query)}" if query else ""
        answer = await self.http.send(method, f"{self._api}{path}{asked}", body)
        return record_of(answer.value, path) if answer.value is not None else {}

    async def _body(self, path: str, query: Mapping[str, str | int], *, urgent: bool = False) -> Record:
        asked = f"?{urlencode(query, safe=',')}" if query else ""
        answer = await self.http.get(f"{self._api}{path}{asked}", urgent=urgent)
        return record_of(answer.value, path.strip("/"))

    async def _pages(
        self, path: str, name: str, query: Mapping[str, str], *, side: str = "", urgent: bool = False
    ) -> tuple[list[Record], list[Record]]:
        """All pages, by cursor; by page number where the endpoint knows no cursor. A page that leads to itself is the last."""
        found: list[Record] = []
        beside: list[Record] = []
        place: dict[str, str | int] = {"page[size]": PER_PAGE}
        for turn in range(_MOST_PAGES):
            body = await self._body(path, {**query, **place}, urgent=urgent)
            if not isinstance(body.get(name), list):
                raise malformed(name, "missing")
            found += records(body, name)
            beside += records(body, side) if side else []
            following = _following(body, place, turn)
            if following is None or following == place:
                break
            place = following
        return found, beside


def _following(body: Record, place: Mapping[str, Any], turn: int) -> dict[str, str | int] | None:
    if "meta" in body:
        meta = child(body, "meta")
        after = meta.get("after_cursor")
        return {**place, "page[after]": after} if meta.get("has_more") is True and isinstance(after, str) and after else None
    # Where the cursor is not known, `page[size]` was ignored and the pages are numbered.
    return {"per_page": PER_PAGE, "page": turn + 2} if body.get("next_page") else None


def _segment(value: str) -> str:
    """An id in a path: whatever a caller gives, it stays one segment."""
    return quote(value, safe="")
