"""Side-loads: what `include` adds beside the tickets (https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/)."""

from collections.abc import Sequence

from sandbox.data import library
from sandbox.data.model import Json
from sandbox.wire import Ask
from sandbox.zendesk import render
from sandbox.zendesk.site import Site


def sides(site: Site, ask: Ask, numbers: Sequence[int]) -> Json:
    """The lists that `include` names, of these tickets; a name that is not known is ignored."""
    wanted = set(filter(None, ask.query.get("include", "").split(",")))
    tickets = [site.account.tickets[number] for number in numbers if number not in site.world.scrubbed]
    found: Json = {}
    if "users" in wanted:
        ids = dict.fromkeys(n for t in tickets for n in (t.requester_id, t.responder_id) if n is not None)
        found["users"] = [render.user(site, number) for number in ids]
    if "organizations" in wanted:
        companies = dict.fromkeys(t.company_id for t in tickets if t.company_id in site.account.people.companies)
        found["organizations"] = [render.organization(site.account.people.companies[n], site) for n in companies if n is not None]
    if "groups" in wanted:
        found["groups"] = [group(site, key) for key in site.account.people.groups]
    if "metric_sets" in wanted:
        found["metric_sets"] = [render.metric_set(item) for item in tickets]
    return found


def with_count(site: Site, ask: Ask, ticket: Json) -> Json:
    """`include=comment_count` adds to the ticket itself."""
    if "comment_count" in ask.query.get("include", "").split(",") and ticket["id"] not in site.world.scrubbed:
        ticket["comment_count"] = len(site.world.comments(ticket["id"]))
    return ticket


def group(site: Site, key: str) -> Json:
    """A group of agents."""
    return {"id": site.account.people.groups[key], "name": library.people().groups[key], "deleted": False, "default": False}
