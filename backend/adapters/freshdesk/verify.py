"""Checking a credential within two seconds: who it is, and what it may read (SPEC A9)."""

import asyncio
from typing import Final

from backend.adapters.freshdesk.client import FreshdeskClient
from backend.adapters.freshdesk.errors import UNKNOWN_HOST
from backend.adapters.freshdesk.fields import Record, number, record_of, text
from backend.adapters.http.checking import Check
from backend.core.errors import AppError, Code
from backend.core.model.connection import Ability, CredentialReport

_PROBES: Final = {
    "tickets": "/tickets?per_page=1&updated_since=1970-01-01T00:00:00Z",
    "ticket_fields": "/ticket_fields",
    "articles": "/solutions/categories?per_page=1",
    "canned_responses": "/canned_response_folders",
    "contacts": "/contacts?per_page=1",
    "agents": "/agents?per_page=1",
    "companies": "/companies?per_page=1",
}
"""Ability -> a cheap call that shows it."""
_GLOBAL: Final = 1
_GROUP: Final = 2
_SCOPES: Final = {_GROUP: "the tickets of their groups", 3: "tickets assigned to them"}
"""`ticket_scope` of an agent, 1 is everything (https://developers.freshdesk.com/api/#agents)."""


async def verify(client: FreshdeskClient, domain: str) -> CredentialReport:
    """Who the key belongs to and what it may read. Raises AppError as `Source.verify` does."""
    check = Check(client.probe, vendor="Freshdesk", unknown_host=UNKNOWN_HOST)
    # The key is tried alone first: a wrong one in many calls at once looks like an attack and locks the account.
    me = record_of(await check.first("/agents/me"), "agent")
    abilities = await asyncio.gather(*(check.ability(name, path, _said) for name, path in _PROBES.items()))
    tickets = next(ability for ability in abilities if ability.name == "tickets")
    conversations = Ability(name="conversations", ok=tickets.ok, message=tickets.message)
    contact = record_of(me.get("contact") or {}, "contact")
    return CredentialReport(
        account_name=domain,
        agent_name=text(contact, "name"),
        agent_email=text(contact, "email"),
        abilities=(tickets, conversations, *(ability for ability in abilities if ability is not tickets)),
        warnings=_warnings(me),
        groups=_groups(me),
    )


def _groups(me: Record) -> tuple[str, ...] | None:
    """Those whose tickets the agent sees; what is assigned to them besides is left out. An unknown scope is the narrowest."""
    scope = number(me, "ticket_scope")
    if scope == _GLOBAL:
        return None
    found = me.get("group_ids") if scope == _GROUP else None
    return tuple(str(each) for each in found) if isinstance(found, list) else ()


def _said(error: AppError) -> str:
    """What a refusal of a path means; one of the key concerns all of them."""
    if error.code is Code.SOURCE_CREDENTIALS_REJECTED:
        raise error
    return error.message


def _warnings(me: Record) -> tuple[str, ...]:
    found = []
    if me.get("occasional") is True:
        found.append(
            "The key belongs to an occasional agent. Freshdesk replaces such keys every night, so the sync will stop: "
            "use the key of a full-time agent."
        )
    scope = number(me, "ticket_scope")
    if scope is not None and scope != _GLOBAL:
        found.append(
            f"This agent sees only {_SCOPES.get(scope, 'some tickets')}; all others will be missing. Use an agent with global access."
        )
    return tuple(found)
