"""Tickets one by one, their comments, and what is in the trash (https://developer.zendesk.com/api-reference/ticketing/)."""

import orjson

from sandbox.data.facts import iso
from sandbox.data.model import Json, Ticket
from sandbox.wire import Answer, Ask, ok
from sandbox.zendesk import render
from sandbox.zendesk.sides import sides, with_count
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import denied, ids_of, missing, paged


def _readable(site: Site, ask: Ask) -> Ticket:
    number = ask.ids[0]
    if not site.world.shown(number):
        raise missing()
    ticket = site.account.tickets[number]
    if ask.scope == 3 and ticket.responder_id != ask.agent_id:
        raise denied()
    return ticket


def show(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}`: archived ones too, deleted ones not."""
    ticket = _readable(site, ask)
    return ok({"ticket": with_count(site, ask, render.ticket(site, ticket))} | sides(site, ask, [ticket.id]))


def show_many(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/show_many?ids=`."""
    numbers = [number for number in ids_of(ask) if site.world.shown(number)]
    found = [with_count(site, ask, render.ticket(site, site.account.tickets[number])) for number in numbers]
    return ok({"tickets": found, "count": len(found), "next_page": None, "previous_page": None} | sides(site, ask, numbers))


def list_tickets(site: Site, ask: Ask) -> Answer:
    """`GET /tickets`: what is neither deleted nor archived, by number where `sort` says so."""
    shown = [t for t in site.account.tickets.values() if t.state == "live" and (ask.scope != 3 or t.responder_id == ask.agent_id)]
    order = ask.query.get("sort", "")
    if order.removeprefix("-") == "id":
        shown.sort(key=lambda ticket: ticket.id, reverse=order.startswith("-"))
    return paged(site, ask, "tickets", [render.ticket(site, ticket) for ticket in shown])


def count(site: Site, ask: Ask) -> Answer:  # noqa: ARG001 - every route has the same two arguments
    """`GET /tickets/count`."""
    shown = sum(site.world.shown(number) for number in site.account.tickets)
    return ok({"count": {"value": shown, "refreshed_at": iso(site.world.now())}})


def comments(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}/comments`, oldest first."""
    ticket = _readable(site, ask)
    pictures = ask.query.get("include_inline_images") == "true"
    found = site.world.comments(ticket.id)
    rows = [render.comment(site, each, pictures=pictures) for each in found]
    if ask.query.get("sort", ask.query.get("sort_order", "")) in ("-created_at", "desc"):
        rows.reverse()
    more: Json = {}
    if "users" in ask.query.get("include", ""):
        more["users"] = [render.user(site, number) for number in dict.fromkeys(each.author_id for each in found)]
    return paged(site, ask, "comments", rows, more)


def audits(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}/audits`."""
    ticket = _readable(site, ask)
    found = [render.event(site, each.created_at, each.id + 1, each) for each in site.world.comments(ticket.id)]
    return paged(site, ask, "audits", [{"id": each["id"], "ticket_id": ticket.id, "events": each["child_events"]} for each in found])


def deleted(site: Site, ask: Ask) -> Answer:
    """`GET /deleted_tickets`: the trash; what was deleted for ever is not in it."""
    if ask.role != "admin":
        raise denied()
    world = site.world
    gone = [
        t for t in site.account.tickets.values() if t.state in ("deleted", "spam") and world.exists(t.id) and t.id not in world.scrubbed
    ]
    gone.sort(key=lambda ticket: world.deleted_at.get(ticket.id, ticket.updated_at))
    rows: list[Json] = [
        {
            "id": ticket.id,
            "subject": ticket.subject,
            "actor": {"id": min(site.account.people.agents), "name": "kim"},
            "deleted_at": iso(world.deleted_at.get(ticket.id, ticket.updated_at)),
            "previous_state": "open",
        }
        for ticket in gone
    ]
    return paged(site, ask, "deleted_tickets", rows)


def metrics(site: Site, ask: Ask) -> Answer:
    """`GET /tickets/{id}/metrics`."""
    return Answer(body=orjson.dumps({"ticket_metric": render.metric_set(_readable(site, ask))}))
