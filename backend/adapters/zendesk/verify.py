"""Checking a credential within two seconds: who it is, and what it may read (SPEC A9)."""

import asyncio
import time
from functools import partial
from typing import Final

from backend.adapters.http.checking import Check
from backend.adapters.http.client import Patience
from backend.adapters.zendesk.brands import Address, Branch, branches_of
from backend.adapters.zendesk.client import PER_PAGE, ZendeskClient
from backend.adapters.zendesk.errors import NO_ACCESS, REJECTED, UNKNOWN_HOST
from backend.adapters.zendesk.fields import Record, child, ident, records, text
from backend.core.errors import AppError, Code
from backend.core.model.connection import Ability, CredentialReport

_AGO: Final = 3_600
_GROUPS_SECONDS: Final = 1.5
_PROBES: Final = {
    "articles": "/help_center/articles.json?per_page=1",
    "user_segments": "/help_center/user_segments.json?per_page=1",
    "macros": "/macros.json?per_page=1",
    "ticket_fields": "/ticket_fields.json?per_page=1",
    "users": "/users.json?per_page=1",
    "organizations": "/organizations.json?per_page=1",
    "deleted_tickets": "/deleted_tickets.json?per_page=1",
}
"""Ability -> a cheap call that shows it."""
_MOST_BRANDS: Final = 20
"""Help centers of further brands that are tried; a sync reads them all."""
_STAFF: Final = frozenset({"agent", "admin"})
_NO_HELP_CENTER: Final = "There is no help center at this address, or it is not activated."
_OF_A_BRAND: Final = {
    Code.SOURCE_ITEM_NOT_FOUND: _NO_HELP_CENTER,
    Code.SOURCE_PERMISSION_MISSING: "The user whose token is used may not read it: give this user access to the brand in Zendesk.",
}
_NOT_ADMIN: Final = "Tickets are exported to administrators only: use a token of an administrator."


async def verify(client: ZendeskClient, address: Address) -> CredentialReport:
    """Who the token belongs to and what it may read. Raises AppError as `Source.verify` does."""
    check = Check(client.probe, vendor="Zendesk", unknown_host=UNKNOWN_HOST)
    # The token is tried alone first: a wrong one in many calls at once looks like an attack.
    me = child(await check.first("/users/me.json"), "user")
    _recognize(me)
    probes = {"tickets": f"/incremental/tickets/cursor.json?start_time={int(time.time()) - _AGO}&per_page=1"} | _PROBES
    found, further, waiting = await asyncio.gather(
        asyncio.gather(*(check.ability(name, path, partial(_said, name)) for name, path in probes.items())),
        _of_further_brands(check, client, address),
        _suspended(check),
    )
    tickets, *others = found
    return CredentialReport(
        account_name=address.domain,
        agent_name=text(me, "name"),
        agent_email=text(me, "email"),
        abilities=(tickets, Ability(name="conversations", ok=tickets.ok, message=tickets.message), *others, *further),
        warnings=(*_warnings(me), *waiting),
        groups=await _groups(client, me),
    )


async def _of_further_brands(check: Check[Record], client: ZendeskClient, address: Address) -> list[Ability]:
    """Whether the help centers of further brands may be read, each at its own host; nothing where there is one brand only."""
    try:
        listed = records(await check.look(f"/brands.json?page[size]={PER_PAGE}"), "brands")
    except (AppError, TimeoutError) as error:
        message = error.message if isinstance(error, AppError) else "Zendesk did not tell in time; the first sync will show."
        return [Ability(name="brands", ok=False, message=message)]
    branches = branches_of(listed, address)
    return list(await asyncio.gather(*(_of_branch(check, client, branch) for branch in branches[:_MOST_BRANDS])))


async def _suspended(check: Check[Record]) -> tuple[str, ...]:
    """How much mail waits to be let in, where there is any and the user may see it: it is no ticket yet, so no sync reads it.

    https://developer.zendesk.com/api-reference/ticketing/tickets/suspended_tickets/
    """
    try:
        body = await check.look(f"/suspended_tickets.json?page[size]={PER_PAGE}")
    except (AppError, TimeoutError):
        return ()
    count = len(records(body, "suspended_tickets"))
    if not count:
        return ()
    more = child(body, "meta").get("has_more") is True
    said = f"{'More than ' if more else ''}{count} {'mail waits' if count == 1 else 'mails wait'} in the queue of suspended tickets"
    return (f"{said}. Such mail is not read before somebody recovers it in Zendesk, which deletes it after 14 days.",)


async def _of_branch(check: Check[Record], client: ZendeskClient, branch: Branch) -> Ability:
    name = f"articles of {branch.name}"
    if branch.place is None:
        return Ability(name=name, ok=False, message="The key may not be sent to this brand's address.")
    there = ZendeskClient(client.http.beside(branch.place.origin), branch.place.prefix)
    return await check.ability(name, _PROBES["articles"], partial(_said_of, branch.place.origin.authority), there.probe)


def _said_of(host: str, error: AppError) -> str:
    """What a refusal of a further brand's help center means."""
    return f"{host}: {_OF_A_BRAND.get(error.code, error.message)}"


async def _groups(client: ZendeskClient, me: Record) -> tuple[str, ...] | None:
    """Those whose tickets the agent sees, where `ticket_restriction` is by groups; any other restriction names none.

    https://developer.zendesk.com/api-reference/ticketing/users/users/#json-format
    """
    restriction = text(me, "ticket_restriction")
    if text(me, "role") == "admin" or (not restriction and me.get("restricted_agent") is False):
        return None
    if restriction != "groups":
        return ()
    try:
        async with asyncio.timeout(_GROUPS_SECONDS):
            answer = await client.probe(f"/users/{ident(me, 'id')}/groups.json?per_page=100", Patience(attempts=1, longest_wait=0))
    except (AppError, TimeoutError):
        return ()
    listed = answer.get("groups")
    return tuple(str(each["id"]) for each in listed if isinstance(each, dict) and each.get("id")) if isinstance(listed, list) else ()


def _recognize(me: Record) -> None:
    """Zendesk answers 200 to a wrong token, with an anonymous user (CONNECTORS section 5)."""
    if ident(me, "id") is None:
        raise AppError(Code.SOURCE_CREDENTIALS_REJECTED, REJECTED)
    if text(me, "role") not in _STAFF:
        raise AppError(Code.SOURCE_PERMISSION_MISSING, f"{text(me, 'email') or 'This user'} is no agent of this Zendesk. {NO_ACCESS}")


def _said(name: str, error: AppError) -> str:
    """What a refusal of a path means."""
    if error.code is Code.SOURCE_ITEM_NOT_FOUND and name in ("articles", "user_segments"):
        return _NO_HELP_CENTER
    return _NOT_ADMIN if name == "tickets" and error.code is Code.SOURCE_PERMISSION_MISSING else error.message


def _warnings(me: Record) -> tuple[str, ...]:
    found = []
    if text(me, "role") != "admin":
        found.append(f"{text(me, 'email')} is an agent and no administrator. {_NOT_ADMIN}")
    if me.get("suspended") is True:
        found.append("This user is suspended: Zendesk will refuse the token at any time.")
    return tuple(found)
