"""Contacts, companies, agents, groups and products (https://developers.freshdesk.com/api/#contacts)."""

from sandbox.data import library
from sandbox.data.facts import iso
from sandbox.data.model import Json, Person
from sandbox.freshdesk import render
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.tickets import moment
from sandbox.freshdesk.wire import denied, invalid, missing
from sandbox.wire import Answer, Ask, ok

_STATES = ("blocked", "deleted", "unverified", "verified")


def list_contacts(site: Site, ask: Ask) -> Answer:
    """`GET /contacts` with `_updated_since`, `email`, `company_id`, `state`."""
    state = ask.query.get("state")
    if state is not None and state not in _STATES:
        raise invalid("state", f"It should be one of these values: '{','.join(_STATES)}'")
    found = [render.contact(site.account, person) for person in site.account.people.contacts.values() if _wanted(person, ask.query)]
    if state in {"blocked", "deleted"}:
        found = []
    elif state is not None:
        found = [row for row in found if row["active"] == (state == "verified")]
    since = ask.query.get("_updated_since")
    if since is not None:
        limit = iso(moment("_updated_since", since))
        found = [row for row in found if row["updated_at"] >= limit]
    return site.paged(ask, found)


def _wanted(person: Person, query: dict[str, str]) -> bool:
    if "email" in query and person.email.lower() != query["email"].lower():
        return False
    return "company_id" not in query or str(person.company_id) == query["company_id"]


def view_contact(site: Site, ask: Ask) -> Answer:
    """`GET /contacts/{id}`."""
    person = site.account.people.contacts.get(ask.ids[0])
    if person is None:
        raise missing()
    return ok(render.contact(site.account, person))


def list_companies(site: Site, ask: Ask) -> Answer:
    """`GET /companies`."""
    return site.paged(ask, [render.company(site.account, item) for item in site.account.people.companies.values()])


def view_company(site: Site, ask: Ask) -> Answer:
    """`GET /companies/{id}`."""
    item = site.account.people.companies.get(ask.ids[0])
    if item is None:
        raise missing()
    return ok(render.company(site.account, item))


def list_agents(site: Site, ask: Ask) -> Answer:
    """`GET /agents`; an agent with restricted scope may not list colleagues."""
    if ask.scope == 3:
        raise denied()
    agents = site.account.people.agents.values()
    rows = [render.agent(site.account, person) for person in agents if ask.query.get("email", person.email) == person.email]
    return site.paged(ask, rows)


def view_agent(site: Site, ask: Ask) -> Answer:
    """`GET /agents/{id}`."""
    if ask.scope == 3 and ask.ids[0] != ask.agent_id:
        raise denied()
    return _agent(site, ask.ids[0])


def view_me(site: Site, ask: Ask) -> Answer:
    """`GET /agents/me`: the agent whose key this is."""
    return _agent(site, ask.agent_id)


def _agent(site: Site, agent_id: int) -> Answer:
    person = site.account.people.agents.get(agent_id)
    if person is None:
        raise missing()
    return ok(render.agent(site.account, person))


def _group(site: Site, key: str) -> Json:
    people = site.account.people
    number = people.groups[key]
    at = iso(site.account.reference - 600 * 86_400)
    return {
        "id": number,
        "name": library.people().groups[key],
        "description": None,
        "escalate_to": None,
        "unassigned_for": None,
        "business_hour_id": None,
        "group_type": "support_agent_group",
        "agent_ids": [agent for agent, group in people.agent_groups.items() if group == number],
        "auto_ticket_assign": 0,
        "created_at": at,
        "updated_at": at,
    }


def list_groups(site: Site, ask: Ask) -> Answer:
    """`GET /groups`."""
    return site.paged(ask, [_group(site, key) for key in site.account.people.groups])


def view_group(site: Site, ask: Ask) -> Answer:
    """`GET /groups/{id}`."""
    key = next((key for key, number in site.account.people.groups.items() if number == ask.ids[0]), None)
    if key is None:
        raise missing()
    return ok(_group(site, key))


def list_products(site: Site, ask: Ask) -> Answer:
    """`GET /products`."""
    at = iso(site.account.reference - 600 * 86_400)
    rows = [
        {
            "id": number,
            "name": library.people().products[key],
            "description": None,
            "primary_email": None,
            "created_at": at,
            "updated_at": at,
        }
        for key, number in site.account.people.products.items()
    ]
    return site.paged(ask, rows)
