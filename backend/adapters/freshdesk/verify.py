"""Checking a credential within two seconds: who it is, and what it may read (SPEC A9)."""

import asyncio
import time
from typing import Any, Final

from backend.adapters.freshdesk.client import FreshdeskClient
from backend.adapters.freshdesk.errors import UNKNOWN_HOST
from backend.adapters.freshdesk.fields import Record, number, record_of, text
from backend.adapters.http.client import Patience
from backend.core.errors import AppError, Code
from backend.core.model.connection import Ability, CredentialReport

_SECONDS: Final = 1.9
"""For everything together."""
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
_SCOPES: Final = {2: "the tickets of their groups", 3: "tickets assigned to them"}
"""`ticket_scope` of an agent, 1 is everything (https://developers.freshdesk.com/api/#agents)."""
_NOT_TOLD: Final = "Freshdesk did not tell in time; the first sync will show."


async def verify(client: FreshdeskClient, domain: str) -> CredentialReport:
    """Who the key belongs to and what it may read. Raises AppError as `Source.verify` does."""
    deadline = time.monotonic() + _SECONDS
    # The key is tried alone first: a wrong one in many calls at once looks like an attack and locks the account.
    me = record_of(await _first_look(client, deadline), "agent")
    abilities = await asyncio.gather(*(_ability(client, name, path, deadline) for name, path in _PROBES.items()))
    tickets = next(ability for ability in abilities if ability.name == "tickets")
    conversations = Ability(name="conversations", ok=tickets.ok, message=tickets.message)
    contact = record_of(me.get("contact") or {}, "contact")
    return CredentialReport(
        account_name=domain,
        agent_name=text(contact, "name"),
        agent_email=text(contact, "email"),
        abilities=(tickets, conversations, *(ability for ability in abilities if ability is not tickets)),
        warnings=_warnings(me),
    )


async def _first_look(client: FreshdeskClient, deadline: float) -> Any:
    try:
        async with asyncio.timeout(_left(deadline)):
            return await client.probe("/agents/me", _patience(deadline, attempts=2))
    except AppError as error:
        raise _onboarding(error) from None
    except TimeoutError:
        raise _silent() from None


async def _ability(client: FreshdeskClient, name: str, path: str, deadline: float) -> Ability:
    try:
        async with asyncio.timeout(_left(deadline)):
            await client.probe(path, _patience(deadline, attempts=1))
    except TimeoutError:
        return Ability(name=name, ok=False, message=_NOT_TOLD)
    except AppError as error:
        if error.code is Code.SOURCE_CREDENTIALS_REJECTED:
            raise
        told = error.code not in (Code.SOURCE_UNAVAILABLE, Code.SOURCE_RATE_LIMITED)
        return Ability(name=name, ok=False, message=error.message if told else _NOT_TOLD)
    return Ability(name=name, ok=True)


def _patience(deadline: float, *, attempts: int) -> Patience:
    # The deadline ends everything; a little more for the single call leaves the message to the one who waits.
    return Patience(seconds=_left(deadline) + 1, attempts=attempts, longest_wait=0)


def _left(deadline: float) -> float:
    return max(0.05, deadline - time.monotonic())


def _onboarding(error: AppError) -> AppError:
    """What an error means to somebody who is just typing the address and the key."""
    if error.details.get("reason") == "unknown_host":
        return AppError(Code.SOURCE_HOST_UNKNOWN, f"{UNKNOWN_HOST} If the domain is right, this machine's network can't resolve it.")
    if error.code is Code.SOURCE_ITEM_NOT_FOUND:
        return AppError(Code.SOURCE_HOST_UNKNOWN, UNKNOWN_HOST)
    return error


def _silent() -> AppError:
    return AppError(Code.SOURCE_UNAVAILABLE, f"Freshdesk did not answer within {_SECONDS:g} s. Try again in a moment.")


def _warnings(me: Record) -> tuple[str, ...]:
    found = []
    if me.get("occasional") is True:
        found.append(
            "The key belongs to an occasional agent. Freshdesk replaces such keys every night, so the sync will stop: "
            "use the key of a full-time agent."
        )
    scope = number(me, "ticket_scope")
    if scope is not None and scope != 1:
        found.append(
            f"This agent sees only {_SCOPES.get(scope, 'some tickets')}; all others will be missing. Use an agent with global access."
        )
    return tuple(found)
