"""Which route of the Zendesk API answers, and what it costs."""

from collections.abc import Callable

from sandbox.wire import Answer, Ask, Refusal
from sandbox.zendesk import export, help_center, people, suspended, tickets, webhooks
from sandbox.zendesk.limits import too_many
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import failure, missing, unauthorized

Route = Callable[[Site, Ask], Answer]
API = "/api/v2"

ROUTES: dict[str, Route] = {
    "/incremental/tickets/cursor": export.tickets_by_cursor,
    "/incremental/tickets": export.tickets_by_time,
    "/incremental/tickets/sample": export.sample,
    "/incremental/ticket_events": export.ticket_events,
    "/tickets": tickets.list_tickets,
    "/tickets/count": tickets.count,
    "/tickets/show_many": tickets.show_many,
    "/tickets/{id}": tickets.show,
    "/tickets/{id}/comments": tickets.comments,
    "/tickets/{id}/audits": tickets.audits,
    "/tickets/{id}/metrics": tickets.metrics,
    "/deleted_tickets": tickets.deleted,
    "/users": people.list_users,
    "/users/me": people.me,
    "/users/show_many": people.show_users,
    "/users/{id}": people.show_user,
    "/organizations": people.list_organizations,
    "/organizations/show_many": people.show_organizations,
    "/groups": people.list_groups,
    "/brands": people.list_brands,
    "/ticket_fields": people.ticket_fields,
    "/custom_statuses": people.custom_statuses,
    "/macros": people.macros,
    "/macros/{id}": people.show_macro,
    "/account/settings": people.account_settings,
    "/help_center/articles": help_center.list_articles,
    "/help_center/articles/{id}": help_center.show_article,
    "/help_center/articles/{id}/translations": help_center.list_translations,
    "/help_center/articles/{id}/attachments": help_center.list_attachments,
    "/help_center/articles/{id}/labels": help_center.list_labels,
    "/help_center/sections": help_center.list_sections,
    "/help_center/categories": help_center.list_categories,
    "/help_center/user_segments": help_center.list_segments,
    "/help_center/locales": help_center.locales,
    "/help_center/incremental/articles": help_center.incremental_articles,
}
_CHANGING: tuple[tuple[Callable[[str], bool], Callable[[Site, Ask, str], Answer]], ...] = (
    (webhooks.handles, webhooks.answer),
    (suspended.handles, suspended.answer),
)
"""What has more methods than GET: which paths, and what answers."""


def answer(site: Site, ask: Ask) -> Answer:
    """Authenticate, count and route; refusals are answers too."""
    shape = ask.shape.removeprefix(API).removesuffix(".json")
    header = ask.headers.get(b"authorization")
    who = site.allow(header)
    if who is None and (header is None or shape != "/users/me"):
        return _rejected(header)
    spent = site.limits.spend(shape)
    answer = _routed(site, ask, shape, who or 0) if spent.retry_after is None else too_many(spent.retry_after)
    answer.headers.update(spent.headers)
    return answer


def _routed(site: Site, ask: Ask, shape: str, who: int) -> Answer:
    ask.agent_id, ask.role = who, site.role_of(who)
    ask.scope = 3 if who == site.restricted_id else 1
    if site.options.prebuild and shape.startswith("/incremental"):
        return _kept(site, ask, shape)
    path = ask.path.removeprefix(API).removesuffix(".json")
    for handles, changed in _CHANGING:
        if handles(path):
            try:
                return changed(site, ask, path)
            except Refusal as refusal:
                return refusal.answer
    route = ROUTES.get(shape) if ask.method == "GET" and ask.shape.startswith(API) else None
    try:
        if route is None:
            raise missing("InvalidEndpoint")
        return route(site, ask)
    except Refusal as refusal:
        return refusal.answer


def _kept(site: Site, ask: Ask, shape: str) -> Answer:
    """A page of an export as it was the last time, so that a measured client never waits for it to be rendered."""
    key = (shape, ask.role, site.world.version, *sorted(ask.query.items()))
    body = site.pages.get(key)
    if body is None:
        try:
            body = site.pages[key] = ROUTES[shape](site, ask).body
        except Refusal as refusal:
            return refusal.answer
    return Answer(body=body)


def _rejected(header: bytes | None) -> Answer:
    if header is not None and header.lower().startswith(b"bearer"):
        description = "The access token provided is expired, revoked, malformed or invalid for other reasons."
        return failure(401, {"error": "invalid_token", "error_description": description})
    return unauthorized()
