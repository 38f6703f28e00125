"""Freshdesk's endpoints and paging, as raw dicts (https://developers.freshdesk.com/api/)."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from backend.adapters.freshdesk.fields import Record, record_of, records_of
from backend.adapters.http.client import HttpClient, Patience
from backend.core.errors import AppError, Code

PER_PAGE: Final = 100
"""The most a page may have; more is refused."""
PAGE_CAP: Final = 300
"""The deepest page of a list: page 301 is refused (https://developers.freshdesk.com/api/#list_all_tickets)."""
EMBEDDED_CONVERSATIONS: Final = 10
"""`include=conversations` gives only the oldest ten (https://developers.freshdesk.com/api/#view_a_ticket)."""

_ABSENT: Final = frozenset({Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_PLAN_MISSING, Code.SOURCE_ITEM_NOT_FOUND})


class FreshdeskClient:
    """One account's API. Every method raises AppError as `HttpClient.get` does."""

    def __init__(self, http: HttpClient, prefix: str = "") -> None:
        self.http = http
        self._api = f"{prefix}/api/v2"
        self.refused: set[str] = set()
        """Optional lists that the agent's role may not read, by their last name."""

    async def ticket(self, ticket_id: str, include: str, *, archived: bool = False) -> tuple[Record, bytes]:
        """One ticket, and its JSON. An archived one is at another place (https://developers.freshdesk.com/api/#archive_tickets)."""
        place = "archived/" if archived else ""
        query = "" if archived else f"?include={include}"
        return await self._one(f"/tickets/{place}{_segment(ticket_id)}{query}", "ticket")

    async def conversation_page(self, ticket_id: str, page: int, *, archived: bool = False) -> tuple[list[Record], bytes]:
        """A page of a ticket's conversations, the oldest first, and its JSON; one that is not full is the last."""
        place = "archived/" if archived else ""
        return await self._page(f"/tickets/{place}{_segment(ticket_id)}/conversations?", page)

    async def ticket_page(self, query: Mapping[str, str | int]) -> list[Record]:
        """One page of the ticket list."""
        answer = await self.http.get(f"{self._api}/tickets?{urlencode(query, safe=',:')}", urgent=True)
        return records_of(answer.value, "tickets")

    async def everything(self, path: str, query: str = "", *, optional: bool = False) -> list[Record]:
        """All pages of a list. With `optional` an absent feature or permission makes it empty."""
        try:
            return await self._pages(path, query)
        except AppError as error:
            if optional and self._is_absent(error, path):
                return []
            raise

    async def whole_list(self, path: str, *, optional: bool = False) -> list[Record]:
        """A list that Freshdesk does not page."""
        try:
            answer = await self.http.get(f"{self._api}{path}", urgent=True)
        except AppError as error:
            if optional and self._is_absent(error, path):
                return []
            raise
        return records_of(answer.value, path.rpartition("/")[2])

    async def record(self, path: str) -> Record:
        """One record."""
        return (await self._one(path, path.rpartition("/")[2]))[0]

    async def optional_record(self, path: str) -> Record | None:
        """One record; None where it, the feature or the permission is missing."""
        try:
            return await self.record(path)
        except AppError as error:
            if self._is_absent(error, path):
                return None
            raise

    async def probe(self, path: str, patience: Patience) -> Any:
        """One quick look, for checking what a credential may read."""
        return (await self.http.get(f"{self._api}{path}", patience=patience, urgent=True)).value

    def _is_absent(self, error: AppError, path: str) -> bool:
        if error.code is Code.SOURCE_PERMISSION_MISSING:
            self.refused.add("translations" if "/articles/" in path else path.rpartition("/")[2])
        return error.code in _ABSENT

    async def _one(self, path: str, field: str) -> tuple[Record, bytes]:
        answer = await self.http.get(self._api + path)
        return record_of(answer.value, field), answer.body

    async def _pages(self, path: str, query: str) -> list[Record]:
        # A page that is not full is the last one: the Link header says the same, in forms that differ by endpoint.
        found: list[Record] = []
        for page in range(1, PAGE_CAP + 1):
            entries, _ = await self._page(f"{path}?{query}", page, urgent=True)
            found += entries
            if len(entries) < PER_PAGE:
                break
        return found

    async def _page(self, address: str, page: int, *, urgent: bool = False) -> tuple[list[Record], bytes]:
        answer = await self.http.get(f"{self._api}{address}per_page={PER_PAGE}&page={page}", urgent=urgent)
        return records_of(answer.value, address.partition("?")[0].rpartition("/")[2]), answer.body


def _segment(value: str) -> str:
    """An id in a path: whatever a caller gives, it stays one segment."""
    return quote(value, safe="")
