"""Checking a token within two seconds: whose it is, and what it may read."""

import asyncio
import time
from typing import Final

import msgspec
from backend.adapters.http.client import Patience
from backend.core.errors import AppError, Code
from backend.core.model.connection import Ability, CredentialReport

from desklore_birchdesk.client import Client, shaped
from desklore_birchdesk.errors import UNKNOWN_HOST

_SECONDS: Final = 1.9
"""For everything together."""
_PROBES: Final = {"tickets": "/tickets?limit=1", "articles": "/articles?limit=1", "deletions": "/deleted?limit=1"}
"""Ability -> a cheap call that shows it."""


class _Me(msgspec.Struct):
    name: str | None = None
    email: str | None = None


async def verify(client: Client, domain: str) -> CredentialReport:
    """Whose token it is and what it may read. Raises AppError as `Source.verify` does."""
    deadline = time.monotonic() + _SECONDS
    try:
        async with asyncio.timeout(_SECONDS):
            # Alone first: a wrong token in many calls at once looks like an attack.
            me = shaped(await client.probe("/me", _patience(deadline, attempts=2)), _Me, b"")
    except TimeoutError:
        message = f"Birchdesk did not answer within {_SECONDS:g} s. Try again in a moment."
        raise AppError(Code.SOURCE_UNAVAILABLE, message) from None
    except AppError as error:
        # Of somebody who is just typing the address, a host without a name or an API is a wrong address.
        if error.details.get("reason") == "unknown_host" or error.code is Code.SOURCE_ITEM_NOT_FOUND:
            raise AppError(Code.SOURCE_HOST_UNKNOWN, UNKNOWN_HOST) from None
        raise
    abilities = await asyncio.gather(*(_ability(client, name, path, deadline) for name, path in _PROBES.items()))
    tickets = abilities[0]
    # A ticket comes with its messages, so both are readable or neither.
    conversations = Ability(name="conversations", ok=tickets.ok, message=tickets.message)
    return CredentialReport(
        account_name=domain, agent_name=me.name or "", agent_email=me.email or "", abilities=(tickets, conversations, *abilities[1:])
    )


async def _ability(client: Client, name: str, path: str, deadline: float) -> Ability:
    try:
        async with asyncio.timeout(max(0.05, deadline - time.monotonic())):
            await client.probe(path, _patience(deadline, attempts=1))
    except TimeoutError:
        return Ability(name=name, ok=False, message="Birchdesk did not tell in time; the first sync will show.")
    except AppError as error:
        if error.code is Code.SOURCE_CREDENTIALS_REJECTED:
            raise
        return Ability(name=name, ok=False, message=error.message)
    return Ability(name=name, ok=True)


def _patience(deadline: float, *, attempts: int) -> Patience:
    # The deadline ends everything; a little more for the single call leaves the message to the one who waits.
    return Patience(seconds=max(0.05, deadline - time.monotonic()) + 1, attempts=attempts, longest_wait=0)
