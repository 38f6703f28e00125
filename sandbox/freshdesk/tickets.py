"""Ticket routes: lists, views, conversations, archive, search, ratings (https://developers.freshdesk.com/api/#tickets)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.data.facts import iso
from sandbox.data.model import Json, Ticket
from sandbox.data.story import surveyed
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.store import ORDERS, ListQuery
from sandbox.freshdesk.wire import denied, invalid, missing, positive
from sandbox.wire import Answer, Ask, ok

_FILTERS = ("new_and_my_open", "watching", "spam", "deleted")
_LIST_INCLUDES = ("requester", "stats", "company", "description")
_VIEW_INCLUDES = ("conversations", "requester", "company", "stats", "sla_policy")
#: The conversations inside a ticket view are the oldest ones, and only these.
EMBEDDED_CONVERSATIONS = 10
RATING_BASE = 67_700_000_000


def list_tickets(site: Site, ask: Ask) -> Answer:
    """`GET /tickets`."""
    includes = _includes(ask, _LIST_INCLUDES)
    size = positive(ask, "per_page", 30, top=100)
    page = positive(ask, "page", 1)
    if page > site.options.page_cap:
        last = "300th" if site.options.page_cap == 300 else f"{site.options.page_cap}th"
        raise invalid("page", f"You cannot access tickets beyond the {last} page. Please provide a smaller page number.")
    ids, more = site.tickets.page(_list_query(ask), page, size)
    rows = [site.tickets.ticket(site.account.tickets[ticket_id], *includes) for ticket_id in ids]
    return Answer(body=b"[" + b",".join(rows) + b"]", headers=site.link(ask, page, more=more), credits=1 + 2 * len(includes))


def _list_query(ask: Ask) -> ListQuery:
    chosen = ask.query.get("filter")
    if chosen is not None and chosen not in _FILTERS:
        raise invalid("filter", f"It should be one of these values: '{','.join(_FILTERS)}'")
    order_by = ask.query.get("order_by", "created_at")
    if order_by not in ORDERS:
        raise invalid("order_by", f"It should be one of these values: '{','.join(ORDERS)}'")
    direction = ask.query.get("order_type", "desc")
    if direction not in {"asc", "desc"}:
        raise invalid("order_type", "It should be one of these values: 'asc,desc'")
    since = ask.query.get("updated_since")
    return ListQuery(
        filter=chosen or "live",
        since=moment("updated_since", since) if since is not None else None,
        order_by=order_by,
        descending=direction == "desc",
        requester_id=positive(ask, "requester_id", 0) or None,
        company_id=positive(ask, "company_id", 0) or None,
        agent_id=ask.agent_id if ask.scope == 3 or chosen == "new_and_my_open" else None,
    )


def moment(field: str, text: str) -> int:
    """Epoch seconds of an ISO 8601 time or date."""
    try:
        # A plus sign that was not escaped arrives as a blank.
        value = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError as error:
        raise invalid(field, "It should be in the 'combined date and time ISO8601' format") from error
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _includes(ask: Ask, allowed: tuple[str, ...]) -> list[str]:
    raw = ask.query.get("include")
    names = [name for name in raw.split(",") if name] if raw else []
    if any(name not in allowed for name in names):
        raise invalid("include", f"It should be one of these values: '{','.join(allowed)}'")
    return list(dict.fromkeys(names))


def readable(site: Site, ask: Ask, *states: str) -> Ticket:
    """The ticket a path names, if it exists in one of these states and the agent may see it."""
    ticket = site.tickets.get(ask.ids[0], *states)
    if ticket is None:
        raise missing()
    if ask.scope == 3 and ticket.responder_id != ask.agent_id:
        raise denied()
    return ticket


def view_ticket(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}`; deleted and spam tickets are shown, archived ones are not found."""
    return _view(site, ask, readable(site, ask, "live", "deleted", "spam"))


def view_archived(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/archived/{id}`."""
    return _view(site, ask, readable(site, ask, "archived"))


def _view(site: Site, ask: Ask, ticket: Ticket) -> Answer:
    includes = _includes(ask, _VIEW_INCLUDES)
    cost = 1 + len(includes) + ("conversations" in includes)
    parts = [name for name in includes if name not in {"conversations", "sla_policy"}]
    body = site.tickets.ticket(ticket, "description", "extras", *parts)
    if "conversations" in includes:
        turns = site.tickets.conversations(ticket)[:EMBEDDED_CONVERSATIONS]
        body = body[:-1] + b',"conversations":[' + b",".join(turns) + b"]}"
    return Answer(body=body, credits=cost)


def list_conversations(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}/conversations`, oldest first."""
    return _conversations(site, ask, readable(site, ask, "live", "deleted", "spam"))


def archived_conversations(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/archived/{id}/conversations`."""
    return _conversations(site, ask, readable(site, ask, "archived"))


def _conversations(site: Site, ask: Ask, ticket: Ticket) -> Answer:
    size = positive(ask, "per_page", 30, top=100)
    page = positive(ask, "page", 1)
    turns = site.tickets.conversations(ticket)
    part = turns[(page - 1) * size : page * size]
    return Answer(body=b"[" + b",".join(part) + b"]", headers=site.link(ask, page, more=len(turns) > page * size))


def no_time_entries(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}/time_entries`: the team does not track time."""
    readable(site, ask, "live", "deleted", "spam")
    return ok([])


def _rating(ticket: Ticket) -> Json:
    at = iso(ticket.resolved_at or ticket.updated_at)
    score = (103, 103, 102, 101, 100, -101, -103)[ticket.variant % 7]
    return {
        "id": RATING_BASE + ticket.id,
        "survey_id": 67_000_000_009,
        "user_id": ticket.requester_id,
        "agent_id": ticket.responder_id,
        "feedback": None
        if ticket.variant % 3
        else ("빠르게 해결해 주셔서 감사합니다." if ticket.lang != "en" else "Quick and clear help."),
        "group_id": ticket.group_id,
        "ticket_id": ticket.id,
        "created_at": at,
        "updated_at": at,
        "ratings": {"default_question": score},
    }


def list_ratings(site: Site, ask: Ask) -> Answer:
    """`GET /surveys/satisfaction_ratings`, optionally `created_since`."""
    raw = ask.query.get("created_since")
    since = moment("created_since", raw) if raw else 0
    rated = [t for t in site.account.tickets.values() if t.state == "live" and surveyed(t) and (t.resolved_at or 0) >= since]
    rated.sort(key=lambda ticket: ticket.resolved_at or 0)
    return site.paged(ask, [_rating(ticket) for ticket in rated])


def ticket_ratings(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}/satisfaction_ratings`."""
    ticket = readable(site, ask, "live", "deleted", "spam")
    return ok([_rating(ticket)] if surveyed(ticket) else [])


_TERM = re.compile(r"(\w+):(>|<)?(?:'([^']*)'|(\w[\w.-]*))")
_NUMERIC: dict[str, Callable[[Ticket], int | None]] = {
    "status": lambda t: t.status,
    "priority": lambda t: t.priority,
    "group_id": lambda t: t.group_id,
    "agent_id": lambda t: t.responder_id,
}
_DATES: dict[str, Callable[[Ticket], int]] = {"created_at": lambda t: t.created_at, "updated_at": lambda t: t.updated_at}


def search_tickets(site: Site, ask: Ask) -> Answer:
    """`GET /search/tickets?query="..."`: terms joined by AND or OR, 30 per page, at most ten pages, nothing archived."""
    raw = ask.query.get("query", "")
    if len(raw) < 3 or not (raw.startswith('"') and raw.endswith('"')):
        raise invalid("query", "It should be enclosed in double quotes")
    if len(raw) > 514:
        raise invalid("query", "It should be not more than 512 characters", "invalid_value")
    page = positive(ask, "page", 1, top=10)
    branches = [_TERM.findall(branch) for branch in re.split(r"\s+OR\s+", raw.strip('"'))]
    if not all(branches):
        raise invalid("query", "The query is invalid")
    found = [
        ticket
        for ticket in site.account.tickets.values()
        if ticket.state == "live"
        and (ask.scope != 3 or ticket.responder_id == ask.agent_id)
        and any(all(_term_fits(ticket, *term) for term in branch) for branch in branches)
    ]
    found.sort(key=lambda ticket: -ticket.created_at)
    rows = b",".join(site.tickets.ticket(ticket, "description") for ticket in found[(page - 1) * 30 : page * 30])
    return Answer(body=b'{"results":[%s],"total":%d}' % (rows, len(found)))


def _term_fits(ticket: Ticket, name: str, compare: str, text: str, bare: str) -> bool:
    wanted = text or bare
    if name in _NUMERIC:
        return str(_NUMERIC[name](ticket)).replace("None", "null") == wanted
    if name in _DATES:
        limit, value = moment("query", wanted), _DATES[name](ticket)
        return value >= limit if compare == ">" else value <= limit + 86_399 if compare == "<" else iso(value)[:10] == wanted
    if name == "tag":
        return wanted in ticket.tags
    if name == "type":
        return ticket.type == wanted
    raise invalid("query", f"The field '{name}' is not searchable", "invalid_field")
