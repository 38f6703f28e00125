"""Change the account while it is served; every change generates the ticket's row anew, as in the real thing."""

from sandbox.data.mail import paragraphs
from sandbox.data.model import Json, Story, Ticket, Turn
from sandbox.data.shelf import Shelf
from sandbox.data.story import PER_TICKET, TURN_BASE
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import invalid, missing
from sandbox.zendesk.world import merged_text

_WRITABLE = {"subject", "status", "priority", "tags", "description", "custom_fields", "requester_id", "responder_id", "group_id"}


def _get(site: Site, ticket_id: int) -> Ticket:
    ticket = site.account.tickets.get(ticket_id)
    if ticket is None or not site.world.exists(ticket_id):
        raise missing()
    return ticket


def _touch(site: Site, ticket: Ticket, event: str = "updated") -> Ticket:
    ticket.updated_at = max(site.world.now(), ticket.updated_at)
    site.world.touch(ticket.id)
    site.hooks.tell(ticket.id, event)
    return ticket


def create(site: Site, fields: Json) -> Ticket:
    """A new ticket; all fields are optional."""
    number = max(site.account.tickets, default=0) + 1
    people = site.account.people
    person = people.contacts.get(fields.get("requester_id") or next(iter(people.contacts)))
    if person is None:
        raise invalid("Requester: is not a user")
    at = site.world.now()
    ticket = Ticket(
        id=number, lang=person.lang, subject="", flow="written", problem=None, requester_id=person.id, company_id=person.company_id,
        responder_id=None, group_id=None, product_id=None, status=1, priority=1, source=2, type=None, created_at=at, updated_at=at,
        resolved_at=None, closed_at=None, tags=(),
    )  # fmt: skip
    site.account.tickets[number] = ticket
    site.account.change_story(number, Story("", [], []))
    return update(site, number, fields)


def update(site: Site, ticket_id: int, fields: Json) -> Ticket:
    """Change fields."""
    unknown = sorted(set(fields) - _WRITABLE)
    if unknown:
        raise invalid(f"Unknown field: {unknown[0]}")
    ticket = _get(site, ticket_id)
    for name in ("subject", "status", "priority", "requester_id", "responder_id", "group_id"):
        if name in fields:
            setattr(ticket, name, fields[name])
    if "tags" in fields:
        ticket.tags = tuple(fields["tags"])
    if "custom_fields" in fields:
        ticket.changes["custom_fields"] = ticket.changes.get("custom_fields", {}) | fields["custom_fields"]
    if "description" in fields:
        story = site.account.story(ticket_id)
        site.account.change_story(ticket_id, Story(fields["description"], story.attachments, story.turns))
    return _touch(site, ticket)


def add_comment(site: Site, ticket_id: int, fields: Json) -> Turn:
    """Add a comment: `body`, `public`, `author_id`, `automatic`, all optional."""
    ticket = _get(site, ticket_id)
    story = site.account.story(ticket_id)
    public = bool(fields.get("public", True))
    author = int(fields.get("author_id", ticket.responder_id or min(site.account.people.agents)))
    at = site.world.now()
    turn = Turn(
        id=TURN_BASE + ticket_id * PER_TICKET + max((turn.id % PER_TICKET for turn in story.turns), default=0) + 1,
        user_id=author,
        created_at=at,
        updated_at=at,
        body=str(fields.get("body", "")),
        incoming=author == ticket.requester_id,
        private=not public,
        source=0 if public else 2,
        auto_response=bool(fields.get("automatic", False)),
    )
    site.account.change_story(ticket_id, Story(story.description, story.attachments, [*story.turns, turn]))
    _touch(site, ticket)
    return turn


def delete(site: Site, ticket_id: int) -> Ticket:
    """Into the trash."""
    ticket = _get(site, ticket_id)
    ticket.state = "deleted"
    site.world.deleted_at[ticket_id] = site.world.now()
    return _touch(site, ticket)


def restore(site: Site, ticket_id: int) -> Ticket:
    """Out of the trash again; what was deleted for ever does not come back."""
    ticket = _get(site, ticket_id)
    if ticket_id in site.world.scrubbed:
        raise missing()
    ticket.state = "live"
    site.world.deleted_at.pop(ticket_id, None)
    return _touch(site, ticket)


def suspend(site: Site, ticket_id: int) -> Ticket:
    """Mark as spam: the ticket goes into the trash, and its requester is suspended."""
    ticket = _get(site, ticket_id)
    ticket.state = "spam"
    site.suspended.add(ticket.requester_id)
    site.world.deleted_at[ticket_id] = site.world.now()
    return _touch(site, ticket)


def archive(site: Site, ticket_id: int) -> Ticket:
    """Lists leave it out from now on; the export and its own address don't, and its row is not generated anew."""
    ticket = _get(site, ticket_id)
    ticket.state, ticket.status = "archived", 5
    site.world.forget(ticket_id)
    return ticket


def scrub(site: Site, ticket_id: int) -> Ticket:
    """Delete for ever: what is left of it says SCRUBBED."""
    ticket = _get(site, ticket_id)
    ticket.state = "deleted"
    site.world.scrubbed[ticket_id] = site.world.now()
    site.world.touch(ticket_id)
    site.hooks.tell(ticket_id, "permanently_deleted")
    return ticket


def merge(site: Site, target_id: int, others: list[int]) -> None:
    """Merge tickets into another: they are closed with a comment and a tag that say so."""
    target = _get(site, target_id)
    for number in others:
        ticket = _get(site, number)
        text = merged_text(target_id, target.subject, korean=ticket.lang != "en")
        add_comment(site, number, {"body": text, "public": False})
        ticket.merged_into, ticket.status, ticket.closed_at = target_id, 5, site.world.now()
        _touch(site, ticket)
        add_comment(site, target_id, {"body": paragraphs(f"Request #{number} was closed and merged into this request."), "public": False})


def redact(site: Site, ticket_id: int, comment_id: int) -> None:
    """Take a comment out of a ticket."""
    ticket = _get(site, ticket_id)
    site.world.removed_comments.add(comment_id)
    _touch(site, ticket)


def touch_many(site: Site, ids: list[int]) -> None:
    """Generate rows anew without a change, as a bulk edit of the system does."""
    for number in ids:
        _get(site, number)
        site.world.touch(number)


def change_article(site: Site, article_id: int, language: str, fields: Json) -> None:
    """Change one language of an article, of whichever brand: `title`, `body`, `status`."""
    if not _shelf_of(site, article_id).rewrite(article_id, language, fields, site.world.now()):
        raise missing()


def unpublish(site: Site, article_id: int) -> None:
    """Make every language of an article a draft."""
    _shelf_of(site, article_id).withdraw(article_id, site.world.now())


def remove_article(site: Site, article_id: int) -> None:
    """Archive an article: nothing names it any more."""
    if _shelf_of(site, article_id).articles.pop(article_id, None) is None:
        raise missing()


def _shelf_of(site: Site, article_id: int) -> Shelf:
    branch = site.account.branch_shelf
    return branch if article_id in branch.articles else site.account.shelf
