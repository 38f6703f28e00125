"""A ticket's comments with the fewest calls: in bulk from the ticket events, or by a call of its own.

In bulk a page of the events brings the comments of a hundred tickets and more, but in the order of time and not of tickets:
they wait in the Spool until their ticket is asked for. A call for one ticket brings its comments and nothing else.

    whole     a first sync, or a refresh: everything is fetched. The events are read from the beginning, as far as the tickets go.
    few       whatever else. The first FEW tickets are asked for one by one; who asks for more begins to read the events,
              from where the oldest listed ticket was made.
    refused   the events may not be read: one by one.

A ticket's comments from the events are taken only where they are as many as the ticket itself says it has: whatever the
events leave out (a call's recording, a comment that was redacted) costs one call, and no comment is ever missing.
See docs/decisions/0017-zendesk-comments-in-bulk.md.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.events import AHEAD, Events
from backend.adapters.zendesk.fields import Record, generated, ident, moment, needed_ident, number, records, seconds, text
from backend.adapters.zendesk.people import People
from backend.adapters.zendesk.spool import Spool
from backend.core.errors import AppError, Code

FEW: Final = 50
"""Tickets that a run asks for one by one before it reads events."""
_SAID: Final = frozenset({"Comment", "VoiceComment"})
_NO_EVENTS: Final = frozenset(
    {
        Code.SOURCE_PERMISSION_MISSING,
        Code.SOURCE_PLAN_MISSING,
        Code.SOURCE_ITEM_NOT_FOUND,
        Code.SOURCE_REQUEST_REFUSED,
        Code.SOURCE_MALFORMED,
    }
)
"""Answers after which there is no use in asking for events again: each ticket's own comments are still to be had."""


class Comments:
    """The comments of one account's tickets. To be closed."""

    def __init__(self, client: ZendeskClient, people: People, *, origin: int = 0) -> None:
        self._client = client
        self._people = people
        self._origin = origin
        """Events before this moment are never read: an older ticket costs a call."""
        self._spool = Spool()
        self._lock = asyncio.Lock()
        self._singles = 0
        self._oldest: int | None = None
        """When the oldest listed ticket was made."""
        self._events: Events | None = None
        """The walk through the events; None: it has not begun."""
        self._refused = False

    def announce(self, tickets: Sequence[Record], *, whole: bool, until: int | None = None) -> None:
        """Tell of tickets that were listed and may be asked for; `whole` where all of them will be, and nearly none behind `until`."""
        born = [at for ticket in tickets if (at := seconds(moment(ticket, "created_at")))]
        if born:
            self._oldest = min([*born, *([] if self._oldest is None else [self._oldest])])
        if whole and len(tickets) > FEW and self._events is None:
            self._events = Events(self._client, self._origin, ahead=AHEAD, until=until)
            self._events.begin()

    async def of(self, ticket: Record) -> list[Record]:
        """All comments of a listed ticket, oldest first."""
        ticket_id = needed_ident(ticket, "id")
        if self._in_bulk():
            async with self._lock:
                found = await self._from_events(ticket, ticket_id)
            if found is not None:
                return found
        return await self.read(ticket_id)

    async def read(self, ticket_id: str) -> list[Record]:
        """The same by a call for this ticket alone."""
        self._singles += 1
        found, users = await self._client.comments(ticket_id)
        self._people.users.learn(users)
        return [clean(comment) for comment in found]

    async def close(self) -> None:
        """Let go of what was kept, and of what is on its way."""
        if self._events is not None:
            await self._events.close()
        self._spool.close()

    def _in_bulk(self) -> bool:
        if self._refused:
            return False
        if self._events is None and self._singles >= FEW and self._oldest is not None:
            self._events = Events(self._client, max(self._oldest, self._origin))
        return self._events is not None

    async def _from_events(self, ticket: Record, ticket_id: str) -> list[Record] | None:
        """The ticket's comments, where the events tell all of them."""
        events = self._events
        if events is None or seconds(moment(ticket, "created_at")) < events.origin:
            return None
        until = generated(ticket)
        while events.reached < until and not events.ended and not self._refused:
            await self._advance(events)
        found = self._spool.take(ticket_id)
        count = number(ticket, "comment_count")
        if not found or (len(found) != count if count is not None else events.reached < until):
            return None
        return found

    async def _advance(self, events: Events) -> None:
        """Take one page of events."""
        try:
            body = await events.take()
        except AppError as error:
            if error.code not in _NO_EVENTS:
                raise
            self._refused = True
            return
        for event in records(body, "ticket_events"):
            self._keep(event)

    def _keep(self, event: Record) -> None:
        for child in records(event, "child_events"):
            if text(child, "event_type") not in _SAID:
                continue
            ticket_id, key = ident(event, "ticket_id"), ident(child, "id")
            if ticket_id is None or key is None:
                continue
            # A comment among the events has no time of its own: it is its event's.
            at = child.get("created_at") or event.get("created_at")
            comment = clean(child)
            comment["created_at"] = at
            self._spool.put(ticket_id, key, comment)


def clean(comment: Record) -> dict[str, Any]:
    """A comment without what Zendesk knows of its writer's machine: address, place, program (CONNECTORS section 5)."""
    kept = dict(comment)
    kept.pop("metadata", None)
    kept.pop("system", None)
    data = kept.get("data")
    if isinstance(data, dict):
        kept["data"] = {key: value for key, value in data.items() if key != "location"}
    return kept
