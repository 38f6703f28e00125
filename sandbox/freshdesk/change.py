"""Change the account while it is served; every change moves `updated_at`, as in the real thing."""

import time

from sandbox.data.facts import fill
from sandbox.data.library import phrases
from sandbox.data.mail import paragraphs
from sandbox.data.model import Json, Story, Ticket, Turn
from sandbox.data.story import PER_TICKET, TURN_BASE
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import invalid, missing

_PLAIN = ("subject", "status", "priority", "type", "group_id", "responder_id", "product_id", "source", "requester_id", "company_id")
_NUMBERS = {*_PLAIN, "updated_at", "created_at"} - {"subject", "type"}
_WRITABLE = {*_PLAIN, "tags", "description", "custom_fields", "due_by", "updated_at", "created_at"}


def now(site: Site) -> int:
    """The account's clock: the real one, but never before the end of the generated history."""
    return max(int(time.time()), site.account.reference)


def _get(site: Site, ticket_id: int) -> Ticket:
    ticket = site.account.tickets.get(ticket_id)
    if ticket is None:
        raise missing()
    return ticket


def touch(site: Site, ticket: Ticket, at: int | None = None) -> Ticket:
    """Say that a ticket changed (by default now)."""
    ticket.updated_at = at if at is not None else max(now(site), ticket.updated_at)
    site.tickets.forget(ticket.id)
    site.hooks.tell(ticket.id, "updated")
    return ticket


def create(site: Site, fields: Json) -> Ticket:
    """A new ticket; `subject`, `description` and the other writable fields are optional."""
    number = max(site.account.tickets, default=0) + 1
    requester = fields.get("requester_id") or next(iter(site.account.people.contacts))
    person = site.account.people.contacts.get(requester)
    if person is None:
        raise invalid("requester_id", "There is no contact matching the given requester_id")
    at = now(site)
    ticket = Ticket(
        id=number, lang=person.lang, subject="", flow="written", problem=None, requester_id=person.id, company_id=person.company_id,
        responder_id=None, group_id=None, product_id=None, status=2, priority=1, source=2, type=None, created_at=at, updated_at=at,
        resolved_at=None, closed_at=None, tags=(),
    )  # fmt: skip
    site.account.tickets[number] = ticket
    site.account.change_story(number, Story("", [], []))
    return update(site, number, {"updated_at": at, **fields})


def update(site: Site, ticket_id: int, fields: Json) -> Ticket:
    """Change fields; times are epoch seconds here."""
    unknown = sorted(set(fields) - _WRITABLE)
    if unknown:
        raise invalid(unknown[0], "Unexpected/invalid field in request", "invalid_field")
    for name in _NUMBERS & set(fields):
        if not isinstance(fields[name], int | None):
            raise invalid(name, "It should be a/an Number", "datatype_mismatch")
    ticket = _get(site, ticket_id)
    for name in _PLAIN:
        if name in fields:
            setattr(ticket, name, fields[name])
    if "tags" in fields:
        ticket.tags = tuple(fields["tags"])
    if "created_at" in fields:
        ticket.created_at = fields["created_at"]
    if "description" in fields:
        story = site.account.story(ticket_id)
        site.account.change_story(ticket_id, Story(fields["description"], story.attachments, story.turns))
    if "due_by" in fields:
        ticket.changes["due_by"] = fields["due_by"]
    if "custom_fields" in fields:
        ticket.changes["custom_fields"] = site.tickets.custom_fields(ticket) | fields["custom_fields"]
    return touch(site, ticket, fields.get("updated_at"))


def set_state(site: Site, ticket_id: int, state: str) -> Ticket:
    """Move a ticket to live, deleted, spam or archived. Archiving leaves `updated_at` alone."""
    ticket = _get(site, ticket_id)
    ticket.state = state
    if state == "archived":
        ticket.status = 5
        site.tickets.forget(ticket_id)
        return ticket
    return touch(site, ticket)


def vanish(site: Site, ticket_id: int) -> None:
    """Delete for ever: no list, view or archive knows the ticket any more."""
    _get(site, ticket_id)
    del site.account.tickets[ticket_id]
    site.tickets.forget(ticket_id)
    site.hooks.tell(ticket_id, "deleted")


def merge(site: Site, primary_id: int, others: list[int]) -> None:
    """Merge tickets into another: they are closed with a note that names it."""
    primary = _get(site, primary_id)
    for number in others:
        ticket = _get(site, number)
        text = phrases()["en" if ticket.lang == "en" else "ko"].merged
        add_turn(site, number, {"body": paragraphs(fill(text, {"target": str(primary_id)})), "private": True})
        ticket.merged_into, ticket.status, ticket.closed_at = primary_id, 5, now(site)
        touch(site, ticket)
    touch(site, primary)


def add_turn(site: Site, ticket_id: int, fields: Json) -> Turn:
    """Add a conversation: `body`, `private`, `incoming`, `user_id`, `source`, `auto_response`, all optional."""
    ticket = _get(site, ticket_id)
    story = site.account.story(ticket_id)
    incoming, private = bool(fields.get("incoming", False)), bool(fields.get("private", False))
    writer = ticket.requester_id if incoming else (ticket.responder_id or min(site.account.people.agents))
    at = now(site)
    turn = Turn(
        id=TURN_BASE + ticket_id * PER_TICKET + len(story.turns) + 1,
        user_id=int(fields.get("user_id", writer)),
        created_at=at,
        updated_at=at,
        body=str(fields.get("body", "")),
        incoming=incoming,
        private=private,
        source=int(fields.get("source", 2 if private else 0)),
        category=2 if private else 1 if incoming else 3,
        auto_response=bool(fields.get("auto_response", False)),
    )
    site.account.change_story(ticket_id, Story(story.description, story.attachments, [*story.turns, turn]))
    touch(site, ticket)
    return turn


def change_article(site: Site, article_id: int, lang: str, fields: Json) -> None:
    """Change one language of an article: `title`, `body`, `status`."""
    if not site.account.shelf.rewrite(article_id, lang, fields, now(site)):
        raise missing()


def unpublish(site: Site, article_id: int) -> None:
    """Make every language of an article a draft."""
    site.account.shelf.withdraw(article_id, now(site))


def remove_article(site: Site, article_id: int) -> None:
    """Delete an article with all its languages."""
    if site.account.shelf.articles.pop(article_id, None) is None:
        raise missing()
