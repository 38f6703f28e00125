"""Ticket fields, helpdesk settings and the account itself (https://developers.freshdesk.com/api/#ticket-fields)."""

from sandbox.data import library
from sandbox.data.facts import RESOLUTIONS, iso
from sandbox.data.model import Json
from sandbox.data.shelf import PRIMARY, TRANSLATIONS
from sandbox.freshdesk.render import STATUSES
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import denied
from sandbox.wire import Answer, Ask, ok

#: As recorded: newer sources such as Bot and WhatsApp are part of the choices.
SOURCES = {
    "Email": 1, "Portal": 2, "Phone": 3, "Forum": 4, "Twitter": 5, "Facebook": 6, "Chat": 7, "MobiHelp": 8, "Feedback Widget": 9,
    "Outbound Email": 10, "Ecommerce": 11, "Bot": 12, "Whatsapp": 13,
}  # fmt: skip
PRIORITIES = {"Low": 1, "Medium": 2, "High": 3, "Urgent": 4}
TYPES = ("Question", "Incident", "Problem", "Feature Request", "Refund")
FIELD_BASE = 67_000_000_200


def _field(number: int, name: str, label: str, kind: str, choices: object = None) -> Json:
    own = name.startswith("cf_")
    field: Json = {
        "id": FIELD_BASE + number,
        "name": name,
        "label": label,
        "description": None,
        "position": number,
        "required_for_closure": name == "cf_resolution",
        "required_for_agents": not own,
        "type": kind,
        "default": not own,
        "customers_can_edit": not own,
        "label_for_customers": label,
        "required_for_customers": name in {"requester", "subject", "description"},
        "displayed_to_customers": not own,
        "created_at": iso(1_700_000_000),
        "updated_at": iso(1_700_000_000),
    }
    if choices is not None:
        field["choices"] = choices
    return field


def ticket_fields(site: Site, ask: Ask) -> Answer:  # noqa: ARG001 - every route has the same two arguments
    """`GET /ticket_fields`: labels and choices; a status has one name for agents and one for customers."""
    people = site.account.people
    groups = {library.people().groups[key]: number for key, number in people.groups.items()}
    products = {library.people().products[key]: number for key, number in people.products.items()}
    agents = {person.name: person.id for person in people.agents.values()}
    areas = [area.choice for area in library.knowledge().areas.values()]
    return ok(
        [
            _field(1, "requester", "Search a requester", "default_requester"),
            _field(2, "subject", "Subject", "default_subject"),
            _field(3, "ticket_type", "Type", "default_ticket_type", list(TYPES)),
            _field(4, "source", "Source", "default_source", SOURCES),
            _field(5, "status", "Status", "default_status", {str(key): list(names) for key, names in STATUSES.items()}),
            _field(6, "priority", "Priority", "default_priority", PRIORITIES),
            _field(7, "group", "Group", "default_group", groups),
            _field(8, "agent", "Agent", "default_agent", agents),
            _field(9, "product", "Product", "default_product", products),
            _field(10, "description", "Description", "default_description"),
            _field(11, "company", "Company", "default_company"),
            _field(12, "cf_shop_id", "상점 ID", "custom_text"),
            _field(13, "cf_product_area", "Product area", "custom_dropdown", areas),
            _field(14, "cf_error_code", "오류 코드", "custom_text"),
            _field(15, "cf_resolution", "Resolution", "custom_dropdown", list(RESOLUTIONS)),
            _field(16, "cf_affected_orders", "Affected orders", "custom_number"),
            _field(17, "cf_refund_amount", "환불 금액", "custom_decimal"),
            _field(18, "cf_vip", "VIP seller", "custom_checkbox"),
        ]
    )


def helpdesk(site: Site, ask: Ask) -> Answer:
    """`GET /settings/helpdesk`: the languages of the help center."""
    _admin(ask)
    return ok(
        {
            "primary_language": PRIMARY,
            "supported_languages": list(TRANSLATIONS),
            "portal_languages": list(TRANSLATIONS),
            "help_widget_languages": [PRIMARY],
            "name": site.account.name,
        }
    )


def account(site: Site, ask: Ask) -> Answer:
    """`GET /account`."""
    _admin(ask)
    return ok(
        {
            "organisation_id": 67_000_000_000 + site.account.seed,
            "organisation_name": site.account.name,
            "account_id": 67_100_000 + site.account.seed,
            "account_name": site.account.name,
            "account_domain": site.domain,
            "bundle_type": None,
            "timezone": "Seoul",
            "tier_type": "Enterprise",
            "data_center": "EU",
            "total_agents": {"full_time": {"licensed": 15, "used": 11}, "occasional": 1, "field_service": 0, "collaborators": 0},
            "hipaa_compliant": False,
            "contact_person": {"firstname": "Seoyeon", "lastname": "Kim", "email": "seoyeon.kim@hanbitcloud.example"},
            "address": {"country": "South Korea", "state": "Seoul", "city": "Seoul", "street": None, "postalcode": None},
        }
    )


def _admin(ask: Ask) -> None:
    if ask.scope == 3:
        raise denied()
