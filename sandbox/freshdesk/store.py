"""The tickets as Freshdesk lists them: sorted once, rendered once, forgotten when something changes."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from sandbox.data.account import Account
from sandbox.data.model import Json, Ticket
from sandbox.freshdesk import render

THIRTY_DAYS = 30 * 86_400
_KEPT = 20_000
_PARTS: dict[str, Callable[[Account, Ticket], Json]] = {
    "core": render.ticket_core,
    "description": render.ticket_description,
    "extras": render.ticket_extras,
    "stats": render.ticket_stats,
    "requester": render.ticket_requester,
    "company": render.ticket_company,
}
#: Parts that are merged into the ticket itself; the others hang under their own name.
_FLAT = {"core", "description", "extras"}
ORDERS = ("created_at", "due_by", "updated_at", "status")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a ticket list is asked for."""

    filter: str = "live"
    since: int | None = None
    order_by: str = "created_at"
    descending: bool = True
    requester_id: int | None = None
    company_id: int | None = None
    #: Only what is assigned to this agent (ticket scope 3), or theirs and open ones for `new_and_my_open`.
    agent_id: int | None = None


class TicketStore:
    """Answers list and view requests from rendered pieces."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._parts: dict[tuple[int, str], bytes] = {}
        self._turns: dict[int, list[bytes]] = {}
        self._orders: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._lists: dict[ListQuery, list[int]] = {}

    def forget(self, ticket_id: int) -> None:
        """Drop what was rendered of a changed ticket, and every order it stood in."""
        for name in _PARTS:
            self._parts.pop((ticket_id, name), None)
        self._turns.pop(ticket_id, None)
        self._orders.clear()
        self._lists.clear()

    def get(self, ticket_id: int, *states: str) -> Ticket | None:
        """A ticket in one of these states."""
        ticket = self.account.tickets.get(ticket_id)
        return ticket if ticket is not None and ticket.state in states else None

    def page(self, query: ListQuery, page: int, size: int) -> tuple[list[int], bool]:
        """The ids of a page, and whether another page follows."""
        found, first = self._range(query)
        count = len(found) - first
        start, stop = (page - 1) * size, min(page * size, count)
        if start >= count:
            return [], False
        if query.descending:
            ids = [found[len(found) - 1 - n][1] for n in range(start, stop)]
        else:
            ids = [found[first + n][1] for n in range(start, stop)]
        return ids, count > stop

    def _range(self, query: ListQuery) -> tuple[Sequence[tuple[int, int]], int]:
        """A sorted list and the place in it where the answer begins."""
        plain = query.requester_id is None and query.company_id is None and query.agent_id is None
        ordered = self._order(query.filter, query.order_by)
        if plain and query.since is not None and query.order_by == "updated_at":
            return ordered, bisect_left(ordered, (query.since, 0))
        if plain and query.since is None and query.order_by == "created_at":
            return ordered, bisect_left(ordered, (self.account.reference - THIRTY_DAYS, 0))
        wanted = self._lists.get(query)
        if wanted is None:
            if len(self._lists) > 200:
                self._lists.clear()
            wanted = self._lists[query] = [ticket_id for _, ticket_id in ordered if self._fits(query, ticket_id)]
        return [(0, ticket_id) for ticket_id in wanted], 0

    def _order(self, chosen: str, order_by: str) -> list[tuple[int, int]]:
        known = self._orders.get((chosen, order_by))
        if known is None:
            tickets = [ticket for ticket in self.account.tickets.values() if _in_filter(ticket, chosen)]
            known = sorted((_sort_key(ticket, order_by), ticket.id) for ticket in tickets)
            self._orders[chosen, order_by] = known
        return known

    def _fits(self, query: ListQuery, ticket_id: int) -> bool:
        ticket = self.account.tickets[ticket_id]
        if query.since is not None and ticket.updated_at < query.since:
            return False
        if query.since is None and ticket.created_at < self.account.reference - THIRTY_DAYS:
            return False
        if query.requester_id is not None and ticket.requester_id != query.requester_id:
            return False
        if query.company_id is not None and ticket.company_id != query.company_id:
            return False
        if query.filter == "new_and_my_open":
            return ticket.responder_id in {None, query.agent_id}
        return query.agent_id is None or ticket.responder_id == query.agent_id

    def part(self, ticket: Ticket, name: str) -> bytes:
        """One rendered piece of a ticket, as JSON."""
        key = (ticket.id, name)
        known = self._parts.get(key)
        if known is None:
            known = orjson.dumps(_PARTS[name](self.account, ticket))
            if len(self._parts) >= _KEPT * len(_PARTS):
                del self._parts[next(iter(self._parts))]
            self._parts[key] = known
        return known

    def ticket(self, ticket: Ticket, *names: str) -> bytes:
        """A ticket with the named pieces, as JSON."""
        pieces = [self.part(ticket, "core")[:-1]]
        for name in names:
            piece = self.part(ticket, name)
            pieces.append(piece[1:-1] if name in _FLAT else b'"%s":%s' % (name.encode(), piece))
        return b",".join(pieces) + b"}"

    def custom_fields(self, ticket: Ticket) -> Json:
        """The custom fields as they are now."""
        fields: Json = render.ticket_core(self.account, ticket)["custom_fields"]
        return fields

    def conversations(self, ticket: Ticket) -> list[bytes]:
        """The conversations of a ticket as JSON, oldest first."""
        known = self._turns.get(ticket.id)
        if known is None:
            turns = self.account.turns(ticket.id)
            known = [orjson.dumps(render.conversation(self.account, ticket.id, turn)) for turn in turns]
            if len(self._turns) >= _KEPT:
                del self._turns[next(iter(self._turns))]
            self._turns[ticket.id] = known
        return known

    def prebuild(self) -> None:
        """Render everything that lists and views need."""
        for ticket in self.account.tickets.values():
            for name in _PARTS:
                self.part(ticket, name)
            self.conversations(ticket)


def _in_filter(ticket: Ticket, chosen: str) -> bool:
    if chosen == "new_and_my_open":
        return ticket.state == "live" and ticket.status == 2
    if chosen == "watching":
        return False
    return ticket.state == chosen


def _sort_key(ticket: Ticket, order_by: str) -> int:
    if order_by == "status":
        return ticket.status
    if order_by == "updated_at":
        return ticket.updated_at
    # Without an own due time Freshdesk sorts by creation, which differs by the hours of the SLA only.
    return ticket.created_at
