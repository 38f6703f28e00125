"""The tickets that every connector trips over: deleted, spam, archived, merged, huge, nameless and badly attached ones."""

from sandbox.data import library
from sandbox.data.model import Ticket

DAY = 86_400
#: Below this size an account has no room for one of each.
_ROOM = 50
#: Where in the history each special case lies, as a share of the whole.
_PLACES: dict[str, tuple[float, ...]] = {
    "deleted": (0.18, 0.37, 0.52, 0.74, 0.93),
    "spam": (0.22, 0.41, 0.63, 0.81, 0.96),
    "archived": (0.01, 0.025, 0.04, 0.055, 0.07, 0.085, 0.1, 0.115),
    "merged": (0.33, 0.67),
    "nulls": (0.28, 0.57, 0.86),
    "huge": (0.61,),
    "empty_file": (0.44,),
    "misnamed_file": (0.48,),
    "locked_file": (0.55,),
    "big_file": (0.7,),
    "every_file": (0.77,),
    "conversation": (0.35, 0.65, 0.78, 0.84),
    "monitor": (0.5, 0.9),
    "alone": (0.15, 0.46, 0.72),
}


def assign_specials(tickets: list[Ticket], reference: int) -> None:
    """Turn some ordinary tickets into special ones, at fixed places; tiny accounts get one deleted, spam and archived ticket."""
    count = len(tickets)
    if count < _ROOM:
        if count >= 10:
            for kind, place in (("deleted", 0.5), ("spam", 0.7), ("archived", 0.1)):
                _become(kind, tickets[int(place * count)], tickets, reference, 0)
        return
    taken: set[int] = set()
    for kind, places in _PLACES.items():
        for turn, place in enumerate(places):
            index = int(place * count)
            while index in taken:
                index += 1
            taken.add(index)
            _become(kind, tickets[index], tickets, reference, turn)


def _become(kind: str, ticket: Ticket, tickets: list[Ticket], reference: int, turn: int) -> None:
    if kind == "deleted":
        ticket.state = "deleted"
    elif kind == "spam":
        _spam(ticket, turn)
    elif kind == "archived":
        _archived(ticket, reference)
    elif kind == "merged":
        _merged(ticket, tickets)
    elif kind == "nulls":
        ticket.flow, ticket.type, ticket.group_id, ticket.responder_id = "nulls", None, None, None
        ticket.company_id, ticket.product_id, ticket.tags = None, None, ()
    elif kind == "conversation":
        _solved(ticket, "conversation", 20 * DAY, reference)
    elif kind == "monitor":
        _solved(ticket, "monitor", 9 * DAY, reference)
    elif kind == "alone":
        ticket.flow, ticket.status, ticket.resolved_at, ticket.closed_at = "silent", 2, None, None
        ticket.updated_at = ticket.created_at
    else:
        _solved(ticket, kind, 2 * DAY, reference)


def _solved(ticket: Ticket, flow: str, lasts: int, reference: int) -> None:
    ticket.flow = flow
    ticket.resolved_at = min(reference, ticket.created_at + lasts)
    ticket.closed_at, ticket.status, ticket.updated_at = None, 4, ticket.resolved_at


def _spam(ticket: Ticket, turn: int) -> None:
    choices = library.extras().spam
    ticket.state, ticket.flow, ticket.problem, ticket.type = "spam", "spam", None, None
    ticket.variant = turn % len(choices)
    ticket.subject = choices[ticket.variant].subject
    ticket.lang = choices[ticket.variant].lang
    ticket.status, ticket.resolved_at, ticket.closed_at, ticket.tags = 2, None, None, ()
    ticket.updated_at = ticket.created_at


def _archived(ticket: Ticket, reference: int) -> None:
    """Freshdesk archives what was closed and untouched for 120 days."""
    ticket.state, ticket.flow, ticket.status = "archived", "solved", 5
    ticket.resolved_at = min(ticket.created_at + 2 * DAY, reference - 130 * DAY)
    ticket.closed_at = ticket.updated_at = ticket.resolved_at + 3 * DAY


def _merged(ticket: Ticket, tickets: list[Ticket]) -> None:
    """A duplicate: closed with a note that names the ticket it went into."""
    target = tickets[max(0, ticket.id - 4)]
    ticket.flow, ticket.merged_into, ticket.problem = "merged", target.id, target.problem
    ticket.lang, ticket.subject = target.lang, target.subject
    ticket.requester_id, ticket.company_id = target.requester_id, target.company_id
    ticket.status, ticket.resolved_at = 5, ticket.created_at + 7_200
    ticket.closed_at = ticket.updated_at = ticket.resolved_at
