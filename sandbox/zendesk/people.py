"""Users, organizations, groups, brands, and how tickets are set up."""

from sandbox.data import library
from sandbox.data.facts import RESOLUTIONS, iso
from sandbox.data.model import Json
from sandbox.wire import Answer, Ask, ok
from sandbox.zendesk import render
from sandbox.zendesk.brands import BRANCH, Brand
from sandbox.zendesk.sides import group
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import denied, ids_of, missing, paged

_SYSTEM_FIELDS = ("subject", "description", "status", "tickettype", "priority", "group", "assignee", "brand_id", "custom_status")
#: As recorded: who the API takes a caller with wrong credentials for.
ANONYMOUS: Json = {
    "id": None,
    "url": None,
    "name": "Anonymous user",
    "email": "invalid@example.com",
    "role": "end-user",
    "active": False,
    "verified": False,
    "organization_id": None,
}


def me(site: Site, ask: Ask) -> Answer:
    """`GET /users/me`: answers 200 to everybody, also to a wrong credential."""
    return ok({"user": render.user(site, ask.agent_id) if ask.agent_id else ANONYMOUS})


def list_users(site: Site, ask: Ask) -> Answer:
    """`GET /users`, optionally of some roles."""
    people = site.account.people
    wanted = ask.query.get("role") or ask.query.get("role[]")
    everybody = [render.user(site, number) for number in (*people.agents, *people.contacts)]
    return paged(site, ask, "users", [user for user in everybody if not wanted or user["role"] in ("agent", "admin")])


def show_users(site: Site, ask: Ask) -> Answer:
    """`GET /users/show_many?ids=`; unknown ids are left out."""
    people = site.account.people
    known = [number for number in ids_of(ask) if number in people.agents or number in people.contacts]
    return ok({"users": [render.user(site, number) for number in known], "count": len(known), "next_page": None, "previous_page": None})


def show_user(site: Site, ask: Ask) -> Answer:
    """`GET /users/{id}`."""
    number = ask.ids[0]
    if number not in site.account.people.agents and number not in site.account.people.contacts:
        raise missing()
    return ok({"user": render.user(site, number)})


def list_organizations(site: Site, ask: Ask) -> Answer:
    """`GET /organizations`."""
    return paged(site, ask, "organizations", [render.organization(each, site) for each in site.account.people.companies.values()])


def show_organizations(site: Site, ask: Ask) -> Answer:
    """`GET /organizations/show_many?ids=`."""
    companies = site.account.people.companies
    found = [render.organization(companies[number], site) for number in ids_of(ask) if number in companies]
    return ok({"organizations": found, "count": len(found), "next_page": None, "previous_page": None})


def list_groups(site: Site, ask: Ask) -> Answer:
    """`GET /groups`."""
    return paged(site, ask, "groups", [group(site, key) for key in site.account.people.groups])


def list_brands(site: Site, ask: Ask) -> Answer:
    """`GET /brands`."""
    people = site.account.people
    rows: list[Json] = [
        {
            "id": render.BRAND_BASE + people.products[brand.key] % 1000,
            "name": library.people().products[brand.key],
            "brand_url": _url_of(site, brand),
            "subdomain": brand.subdomain,
            "host_mapping": brand.host_mapping,
            "has_help_center": brand.has_help_center,
            "help_center_state": brand.help_center_state,
            "default": brand.subdomain == site.subdomain,
            "active": brand.active,
            "is_deleted": False,
        }
        for brand in site.brands.values()
    ]
    return paged(site, ask, "brands", rows)


def _url_of(site: Site, brand: Brand) -> str:
    """Where a brand is found on this machine; brands without a help center have the account's own host."""
    return site.links.brand_base if brand.key == BRANCH else site.links.api_base


def ticket_fields(site: Site, ask: Ask) -> Answer:
    """`GET /ticket_fields`: what the system has, then the company's own with titles and choices."""
    at = iso(1_700_000_000)
    areas = [area.choice for area in library.knowledge().areas.values()]
    choices = {"product_area": areas, "resolution": list(RESOLUTIONS), "markets": list(render.MARKETS)}
    rows: list[Json] = [
        {"id": render.FIELD_BASE + n, "type": name, "title": name.title(), "active": True, "removable": False, "created_at": at}
        for n, name in enumerate(_SYSTEM_FIELDS)
    ]
    for n, (key, title, kind) in enumerate(render.FIELDS, 10):
        row: Json = {"id": render.FIELD_BASE + n, "type": kind, "title": title, "active": True, "removable": True, "created_at": at}
        if key in choices:
            row["custom_field_options"] = [{"id": n * 100 + k, "name": c, "value": render.tag_of(c)} for k, c in enumerate(choices[key])]
        rows.append(row)
    return paged(site, ask, "ticket_fields", rows)


def custom_statuses(site: Site, ask: Ask) -> Answer:  # noqa: ARG001 - every route has the same two arguments
    """`GET /custom_statuses`: the built-in ones and the company's own."""
    rows: list[Json] = [
        {
            "id": render.STATUS_BASE + number,
            "status_category": "solved" if category == "closed" else category,
            "agent_label": label,
            "end_user_label": label,
            "description": "",
            "active": True,
            "default": number < 6,
        }
        for number, (category, label) in render.STATUSES.items()
        if category != "closed"
    ]
    return ok({"custom_statuses": rows})


def macros(site: Site, ask: Ask) -> Answer:
    """`GET /macros`: shared ones, one that says nothing, one that is switched off and one of a single agent."""
    return paged(site, ask, "macros", [macro(site, number) for number in site.account.shelf.canned] + _odd_macros(site))


def show_macro(site: Site, ask: Ask) -> Answer:
    """`GET /macros/{id}`."""
    if ask.ids[0] not in site.account.shelf.canned:
        raise missing()
    return ok({"macro": macro(site, ask.ids[0])})


def macro(site: Site, number: int) -> Json:
    """A canned text as a macro."""
    item = site.account.shelf.canned[number]
    at = iso(site.account.reference - 300 * 86_400)
    title = f"{site.account.shelf.canned_folders[item.folder_id]}::{item.title}"
    actions = [{"field": "status", "value": "pending"}, {"field": "comment_value_html", "value": item.body}]
    return {
        "id": number,
        "title": title,
        "active": True,
        "actions": actions,
        "restriction": None,
        "description": None,
        "created_at": at,
        "updated_at": at,
    }


def _odd_macros(site: Site) -> list[Json]:
    at = iso(site.account.reference - 90 * 86_400)
    base: Json = {"active": True, "restriction": None, "description": None, "created_at": at, "updated_at": at}
    return [
        base | {"id": 67_690_000_001, "title": "Take it", "actions": [{"field": "assignee_id", "value": "current_user"}]},
        base | {"id": 67_690_000_002, "title": "Old", "active": False, "actions": [{"field": "comment_value", "value": "old"}]},
        base
        | {
            "id": 67_690_000_003,
            "title": "Mine",
            "restriction": {"type": "User", "id": min(site.account.people.agents)},
            "actions": [{"field": "comment_value", "value": ["channel:all", "my own words"]}],
        },
    ]


def account_settings(site: Site, ask: Ask) -> Answer:
    """`GET /account/settings`: for administrators."""
    if ask.role != "admin":
        raise denied()
    return ok({"settings": {"active_features": {"custom_statuses_enabled": True, "voice": True}, "branding": {"name": site.account.name}}})
