"""The made-up company as Zendesk knows it: when rows were generated, what comments there are, what is an event."""

import html
import time
from dataclasses import dataclass, replace

from sandbox.data.account import Account
from sandbox.data.model import Attachment, Ticket, Turn
from sandbox.data.story import PER_TICKET, TURN_BASE

PHONE, CHAT, MAIL = 3, 7, 1
_SURVEY = 6
_DAY = 86_400
#: A bulk edit by the system, long ago: it moved no `updated_at`, but every row was generated anew (as recorded).
_BULK_EDIT_AGE = 200 * _DAY


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment of a ticket."""

    id: int
    ticket_id: int
    author_id: int
    created_at: int
    body: str
    public: bool
    kind: str
    channel: str
    files: tuple[Attachment, ...]


class World:
    """What is Zendesk's own about the account, beside the data all vendors share."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.version = 0
        """Counts changes."""
        self.offset = 0
        """Seconds by which the account's clock was moved on."""
        self.scrubbed: dict[int, int] = {}
        """Tickets deleted for ever: when."""
        self.deleted_at: dict[int, int] = {t.id: t.updated_at for t in account.tickets.values() if t.state == "deleted"}
        #: What was spam from the beginning never became a ticket: it lies in the queue of suspended ones.
        self.queued = frozenset(t.id for t in account.tickets.values() if t.state == "spam")
        self.removed_comments: set[int] = set()
        self._generated: dict[int, int] = {}
        edit = account.reference - _BULK_EDIT_AGE
        for ticket in account.tickets.values():
            touched = ticket.updated_at < edit and ticket.id % 2 == 0
            self._generated[ticket.id] = edit if touched else ticket.updated_at
        self._rows: list[tuple[int, int]] | None = None
        self._events: list[tuple[int, int, Comment | None]] | None = None
        self._comments: dict[int, list[Comment]] = {}

    def now(self) -> int:
        """The account's clock: the real one, never before the end of the generated history, and as much later as a test wants."""
        return max(int(time.time()), self.account.reference) + self.offset

    def generated(self, ticket_id: int) -> int:
        """When the ticket's row was last generated: never before its last change."""
        return self._generated[ticket_id]

    def touch(self, ticket_id: int, at: int | None = None) -> None:
        """The row of a ticket was generated anew (by default now)."""
        self._generated[ticket_id] = self.now() if at is None else at
        self.forget(ticket_id)

    def forget(self, ticket_id: int) -> None:
        """Drop what was made of a ticket that changed."""
        self._comments.pop(ticket_id, None)
        self._rows = self._events = None
        self.version += 1

    def exists(self, ticket_id: int) -> bool:
        """Whether it is a ticket at all."""
        return ticket_id in self.account.tickets and ticket_id not in self.queued

    def shown(self, ticket_id: int) -> bool:
        """Whether `GET /tickets/{id}` finds it; archived ones are found, deleted ones are not."""
        return self.exists(ticket_id) and self.account.tickets[ticket_id].state in ("live", "archived")

    def rows(self) -> list[tuple[int, int]]:
        """All tickets as (generated, id), in the order of the export; deleted and scrubbed ones too."""
        if self._rows is None:
            self._rows = sorted((self._generated[number], number) for number in self.account.tickets if self.exists(number))
        return self._rows

    def comments(self, ticket_id: int) -> list[Comment]:
        """All comments, oldest first; the first is what the ticket began with. A survey is no comment here."""
        known = self._comments.get(ticket_id)
        if known is None:
            ticket = self.account.tickets[ticket_id]
            story = self.account.story(ticket_id)
            turns = sorted((t for t in story.turns if t.source != _SURVEY), key=lambda turn: (turn.created_at, turn.id))
            known = [_first(ticket, story.description, tuple(story.attachments)), *(_comment(ticket_id, turn) for turn in turns)]
            if ticket.merged_into is not None and len(known) > 1:
                target = self.account.tickets.get(ticket.merged_into)
                text = merged_text(ticket.merged_into, target.subject if target else "", korean=ticket.lang != "en")
                known[-1] = replace(known[-1], body=text)
            known = [comment for comment in known if comment.id not in self.removed_comments]
            self._comments[ticket_id] = known
        return known

    def events(self) -> list[tuple[int, int, Comment | None]]:
        """Everything that happened as (when, event id, comment), in order; most events have no comment."""
        if self._events is None:
            found: list[tuple[int, int, Comment | None]] = []
            for ticket in self.account.tickets.values():
                if not self.exists(ticket.id) or ticket.id in self.scrubbed:
                    continue
                found += [(comment.created_at, comment.id + 1, comment) for comment in self.comments(ticket.id)]
                if ticket.resolved_at:
                    found.append((ticket.resolved_at, TURN_BASE + ticket.id * PER_TICKET + 999, None))
            self._events = sorted(found, key=lambda event: event[:2])
        return self._events


def _first(ticket: Ticket, body: str, files: tuple[Attachment, ...]) -> Comment:
    channel = {MAIL: "email", 2: "web", PHONE: "voice", CHAT: "chat", 9: "web"}.get(ticket.source, "api")
    kind = "VoiceComment" if ticket.source == PHONE else "Comment"
    number = TURN_BASE + ticket.id * PER_TICKET
    return Comment(number, ticket.id, ticket.requester_id, ticket.created_at, body, True, kind, channel, files)


def _comment(ticket_id: int, turn: Turn) -> Comment:
    channel = "rule" if turn.auto_response else "web" if turn.private or not turn.incoming else "email"
    return Comment(
        turn.id, ticket_id, turn.user_id, turn.created_at, turn.body, not turn.private, "Comment", channel, tuple(turn.attachments)
    )


def merged_text(target: int, subject: str, *, korean: bool) -> str:
    """What a merge leaves in the ticket that went away."""
    title = html.escape(subject)
    if korean:
        return f"<p>이 요청은 종료되고 요청 #{target} &quot;{title}&quot;(으)로 병합되었습니다.</p>"
    return f"<p>This request was closed and merged into request #{target} &quot;{title}&quot;.</p>"
