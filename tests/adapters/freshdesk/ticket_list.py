"""A ticket list as Freshdesk keeps it, for the tests of how it is walked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backend.adapters.freshdesk import walk

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: int) -> str:
    """A moment of the account's clock."""
    return walk.stamp_of(START + timedelta(seconds=seconds))


class Account:
    """A ticket list as Freshdesk keeps it; ticket -> (created, updated) in seconds."""

    def __init__(self, tickets: dict[int, tuple[int, int]], cap: int = 300) -> None:
        self.tickets = tickets
        self.cap = cap
        self.now = max((updated for _, updated in tickets.values()), default=0) + 60
        self.calls = 0

    def page(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        """One page, or the refusal of one too deep."""
        self.calls += 1
        assert query["page"] <= self.cap
        rows = [(key, *times) for key, times in self.tickets.items() if at(times[1]) >= query["updated_since"]]
        order = 2 if query["order_by"] == "updated_at" else 1
        rows.sort(key=lambda row: (row[order], row[0]), reverse=query["order_type"] == "desc")
        part = rows[(query["page"] - 1) * query["per_page"] : query["page"] * query["per_page"]]
        return [{"id": key, "created_at": at(created), "updated_at": at(updated)} for key, created, updated in part]

    def touch(self, key: int) -> None:
        """Somebody changes a ticket now."""
        self.now += 1
        self.tickets[key] = (self.tickets[key][0], self.now)


def everything(account: Account) -> set[tuple[str, str]]:
    """What has to have been named in the end."""
    return {(str(key), at(updated)) for key, (_, updated) in account.tickets.items()}
