"""Which route of the Freshdesk API answers."""

from collections.abc import Callable

from sandbox.freshdesk import jobs, people, settings, solutions, tickets, writes
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import failure, missing, not_allowed
from sandbox.wire import Answer, Ask, Refusal

Route = Callable[[Site, Ask], Answer]
_API = "/api/v2"

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/tickets"): tickets.list_tickets,
    ("GET", "/tickets/{id}"): tickets.view_ticket,
    ("GET", "/tickets/{id}/conversations"): tickets.list_conversations,
    ("GET", "/tickets/{id}/time_entries"): tickets.no_time_entries,
    ("GET", "/tickets/{id}/satisfaction_ratings"): tickets.ticket_ratings,
    ("GET", "/tickets/archived/{id}"): tickets.view_archived,
    ("GET", "/tickets/archived/{id}/conversations"): tickets.archived_conversations,
    ("GET", "/search/tickets"): tickets.search_tickets,
    ("GET", "/surveys/satisfaction_ratings"): tickets.list_ratings,
    ("POST", "/tickets"): writes.create_ticket,
    ("PUT", "/tickets/{id}"): writes.update_ticket,
    ("DELETE", "/tickets/{id}"): writes.delete_ticket,
    ("PUT", "/tickets/{id}/restore"): writes.restore_ticket,
    ("PUT", "/tickets/merge"): writes.merge_tickets,
    ("POST", "/tickets/{id}/reply"): writes.reply,
    ("POST", "/tickets/{id}/notes"): writes.add_note,
    ("GET", "/contacts"): people.list_contacts,
    ("GET", "/contacts/{id}"): people.view_contact,
    ("GET", "/companies"): people.list_companies,
    ("GET", "/companies/{id}"): people.view_company,
    ("GET", "/agents"): people.list_agents,
    ("GET", "/agents/me"): people.view_me,
    ("GET", "/agents/{id}"): people.view_agent,
    ("GET", "/groups"): people.list_groups,
    ("GET", "/groups/{id}"): people.view_group,
    ("GET", "/products"): people.list_products,
    ("GET", "/ticket_fields"): settings.ticket_fields,
    ("GET", "/settings/helpdesk"): settings.helpdesk,
    ("GET", "/account"): settings.account,
    ("POST", "/account/export"): jobs.ask_for_export,
    ("GET", "/jobs/{id}"): jobs.view_job,
    ("GET", "/solutions/categories"): solutions.list_categories,
    ("GET", "/solutions/categories/{lang}"): solutions.list_categories,
    ("GET", "/solutions/categories/{id}"): solutions.view_category,
    ("GET", "/solutions/categories/{id}/{lang}"): solutions.view_category,
    ("GET", "/solutions/categories/{id}/folders"): solutions.list_folders,
    ("GET", "/solutions/categories/{id}/folders/{lang}"): solutions.list_folders,
    ("GET", "/solutions/folders/{id}"): solutions.view_folder,
    ("GET", "/solutions/folders/{id}/{lang}"): solutions.view_folder,
    ("GET", "/solutions/folders/{id}/subfolders"): solutions.list_subfolders,
    ("GET", "/solutions/folders/{id}/subfolders/{lang}"): solutions.list_subfolders,
    ("GET", "/solutions/folders/{id}/articles"): solutions.list_articles,
    ("GET", "/solutions/folders/{id}/articles/{lang}"): solutions.list_articles,
    ("GET", "/solutions/articles/{id}"): solutions.view_article,
    ("GET", "/solutions/articles/{id}/{lang}"): solutions.view_article,
    ("GET", "/canned_response_folders"): solutions.list_canned_folders,
    ("GET", "/canned_response_folders/{id}"): solutions.view_canned_folder,
    ("GET", "/canned_response_folders/{id}/responses"): solutions.list_canned,
    ("GET", "/canned_responses/{id}"): solutions.view_canned,
}
_METHODS: dict[str, set[str]] = {}
for _method, _shape in ROUTES:
    _METHODS.setdefault(_shape, set()).add(_method)


def answer(site: Site, ask: Ask) -> Answer:
    """Authenticate and route; refusals are answers too."""
    who = site.allow(ask.headers.get(b"authorization"))
    if who is None:
        return failure(401, "invalid_credentials", "You have to be logged in to perform this action.")
    ask.agent_id, ask.scope = who
    try:
        return _route(ask)(site, ask)
    except Refusal as refusal:
        return refusal.answer


def _route(ask: Ask) -> Route:
    shape = ask.shape.removeprefix(_API)
    found = ROUTES.get((ask.method, shape))
    if found is None and ask.lang in solutions.LANGUAGES:
        shape = shape.rsplit("/", 1)[0] + "/{lang}"
        found = ROUTES.get((ask.method, shape))
    if found is not None and ask.shape.startswith(_API):
        return found
    if shape in _METHODS:
        raise not_allowed(", ".join(sorted(_METHODS[shape])))
    raise missing()
