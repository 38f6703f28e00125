"""The routes that change tickets (https://developers.freshdesk.com/api/#create_ticket, #delete_a_ticket, #merge_ticket, #reply_ticket)."""

import orjson

from sandbox.freshdesk import change
from sandbox.freshdesk.render import conversation
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.tickets import readable
from sandbox.freshdesk.wire import denied, invalid, missing, not_allowed
from sandbox.wire import Answer, Ask


def create_ticket(site: Site, ask: Ask) -> Answer:
    """`POST /tickets`."""
    fields = ask.json()
    for name in ("subject", "description"):
        if not fields.get(name):
            raise invalid(name, "It should not be blank", "missing_field")
    ticket = change.create(site, fields)
    return Answer(201, site.tickets.ticket(ticket, "description", "extras"))


def update_ticket(site: Site, ask: Ask) -> Answer:
    """`PUT /tickets/{id}`; deleted and spam tickets can't be changed."""
    ticket = readable(site, ask, "live", "deleted", "spam")
    if ticket.state != "live":
        raise not_allowed("DELETE, GET")
    change.update(site, ticket.id, ask.json())
    return Answer(200, site.tickets.ticket(ticket, "description", "extras"))


def delete_ticket(site: Site, ask: Ask) -> Answer:
    """`DELETE /tickets/{id}`: a soft delete."""
    ticket = readable(site, ask, "live", "deleted", "spam")
    if ticket.state == "deleted":
        raise not_allowed("GET, PUT")
    change.set_state(site, ticket.id, "deleted")
    return Answer(204)


def restore_ticket(site: Site, ask: Ask) -> Answer:
    """`PUT /tickets/{id}/restore`."""
    ticket = readable(site, ask, "deleted", "spam")
    change.set_state(site, ticket.id, "live")
    return Answer(204)


def merge_tickets(site: Site, ask: Ask) -> Answer:
    """`PUT /tickets/merge` with `primary_id` and `ticket_ids`."""
    if ask.scope == 3:
        raise denied()
    fields = ask.json()
    primary, others = fields.get("primary_id"), fields.get("ticket_ids")
    if not isinstance(primary, int) or not isinstance(others, list):
        raise invalid("primary_id", "It should be a Positive Integer", "datatype_mismatch")
    if primary not in site.account.tickets or any(number not in site.account.tickets for number in others):
        raise missing()
    change.merge(site, primary, others)
    return Answer(204)


def reply(site: Site, ask: Ask) -> Answer:
    """`POST /tickets/{id}/reply`."""
    return _add(site, ask, private=False)


def add_note(site: Site, ask: Ask) -> Answer:
    """`POST /tickets/{id}/notes`; private unless told otherwise."""
    return _add(site, ask, private=True)


def _add(site: Site, ask: Ask, *, private: bool) -> Answer:
    ticket = readable(site, ask, "live", "deleted", "spam")
    if ticket.state != "live":
        raise not_allowed("GET")
    fields = ask.json()
    if not fields.get("body"):
        raise invalid("body", "It should not be blank", "missing_field")
    turn = change.add_turn(site, ticket.id, {"body": fields["body"], "private": fields.get("private", private), "user_id": ask.agent_id})
    return Answer(201, orjson.dumps(conversation(site.account, ticket.id, turn)))
