"""Whoever holds an agent's own credentials of a connected helpdesk is that agent here too, where the company wants it (SPEC D3).

The company is the one that is connected to the helpdesk; the helpdesk itself is asked, at the connection's own address and nowhere
else, and what it said is remembered for a short while under a keyed hash of the credentials.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.sources import VERIFY_SECONDS, verify
from backend.core.model.auth import AuthConfig, TenantCaller, hash_credentials
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.tenant import Role, Secret, scopes_of
from backend.core.ports.services import Services

HELPDESKS: Final = frozenset({"freshdesk", "zendesk"})
"""Those whose `verify` takes nobody but agents."""
ACCEPTED_SECONDS: Final = 300.0
"""So long an agent who was removed from the helpdesk may still get in here."""
REJECTED_SECONDS: Final = 15.0
UNKNOWN_SECONDS: Final = 3.0
"""A helpdesk that is away is not asked again by every request."""
_MOST_CHARACTERS: Final = 500
_REJECTED: Final = frozenset({Code.SOURCE_CREDENTIALS_REJECTED, Code.SOURCE_PERMISSION_MISSING})

Admit = Callable[[str, str], Awaitable[None]]
"""Counts a question to the helpdesk, for company_id and connection_id. Raises RATE_LIMITED."""


class HelpdeskCredentials(Struct, frozen=True, kw_only=True):
    """What somebody shows to prove who they are."""

    platform: str
    domain: str
    credentials: Mapping[str, Secret]


class Proof(Struct, frozen=True, kw_only=True):
    """What a helpdesk said of credentials, as it is remembered; it holds none of them."""

    subject: str = ""
    groups: tuple[str, ...] | None = None
    """See `CredentialReport.groups`."""
    code: str = ""
    """Of the error; empty: they are an agent's."""
    message: str = ""
    retry_after: float | None = None


_proof = msgspec.json.Decoder(Proof)


class HelpdeskLogin:
    """Turns a helpdesk's credentials into a Caller."""

    def __init__(self, services: Services, auth: AuthConfig) -> None:
        self._services = services
        self._auth = auth

    async def prove(self, given: HelpdeskCredentials, *, admit: Admit, request_id: str | None = None) -> TenantCaller:
        """Who these belong to: an agent, also where the helpdesk calls them an administrator.

        Raises UNAUTHENTICATED, in the same words whether the helpdesk is unknown here, does not let in this way, or rejects them;
        RATE_LIMITED; SOURCE_UNAVAILABLE where the helpdesk does not tell.
        """
        company_id, connection = await self._place(given)
        place = (company_id, connection.connection_id, connection.domain, connection.base_url or "")
        name = f"login/{hash_credentials(self._auth, place, given.credentials)}"
        kept = await self._services.kept(company_id, "login").get(name)
        proof = await self._asked(company_id, connection, given, name, admit) if kept is None else _proof.decode(kept)
        if proof.code:
            code = Code(proof.code)
            raise _refused(given) if code is Code.UNAUTHENTICATED else AppError(code, proof.message, retry_after=proof.retry_after)
        groups = None if proof.groups is None else frozenset(f"{given.platform}:{each}" for each in proof.groups)
        return TenantCaller(
            role=Role.AGENT,
            scopes=scopes_of(Role.AGENT, groups),
            groups=groups,
            company_id=company_id,
            subject=proof.subject,
            helpdesk=given.platform,
            request_id=request_id,
        )

    async def _place(self, given: HelpdeskCredentials) -> tuple[str, Connection]:
        """The one company that is connected to this helpdesk, and its connection."""
        if given.platform not in HELPDESKS or not self._complete(given):
            raise _refused(given)
        try:
            domain = self._services.sources.check_address(given.platform, given.domain, None)
        except AppError:
            raise _refused(given) from None
        async with self._services.database.directory() as directory:
            found = await directory.find_connections(given.platform, domain)
            tenant = await directory.get_tenant(found[0][0]) if len(found) == 1 else None
        if len(found) > 1:
            raise AppError(
                Code.UNAUTHENTICATED,
                f"Several companies here are connected to {domain}, so its credentials don't tell which one is meant; use an API key.",
            )
        if tenant is None or not tenant.helpdesk_login or found[0][1].state is ConnectionState.PAUSED:
            raise _refused(given)
        return found[0]

    def _complete(self, given: HelpdeskCredentials) -> bool:
        """Whether these are the fields of a kind of credential, each of them something that can be sent on."""
        choices = self._services.sources.credential_choices(given.platform)
        values = [secret.reveal() for secret in given.credentials.values()]
        sendable = all(value.isascii() and value.isprintable() and 0 < len(value) <= _MOST_CHARACTERS for value in values)
        return bool(values) and sendable and any(sorted(given.credentials) == sorted(choice) for choice in choices)

    async def _asked(self, company_id: str, connection: Connection, given: HelpdeskCredentials, name: str, admit: Admit) -> Proof:
        """What the helpdesk says, asked once for all who show the same credentials at the same time."""
        await admit(company_id, connection.connection_id)

        async def ask() -> Proof:
            proof, seconds = await self._ask(company_id, connection, given)
            await self._services.caches.open(company_id).put(name, msgspec.json.encode(proof), seconds)
            return proof

        proof = await self._services.flights.join(company_id, name, ask, VERIFY_SECONDS + 1, kind=Proof)
        if proof is None:
            raise AppError(Code.SOURCE_UNAVAILABLE, f"{connection.domain} did not tell in time whose credentials these are; try again.")
        return proof

    async def _ask(self, company_id: str, connection: Connection, given: HelpdeskCredentials) -> tuple[Proof, float]:
        """The proof, and for how long it holds."""
        try:
            report = await verify(self._services, company_id, connection, given.credentials)
        except AppError as error:
            if error.code in _REJECTED:
                self._count(given, "rejected")
                return Proof(code=Code.UNAUTHENTICATED.value), REJECTED_SECONDS
            self._count(given, "unknown")
            message = f"{connection.domain} does not tell right now whose credentials these are; try again, or use an API key."
            return Proof(code=Code.SOURCE_UNAVAILABLE.value, message=message, retry_after=error.retry_after), UNKNOWN_SECONDS
        subject = report.agent_email or report.agent_name
        if not subject:
            # Somebody without a name can't be told from others in the audit log.
            self._count(given, "rejected")
            return Proof(code=Code.UNAUTHENTICATED.value), REJECTED_SECONDS
        self._count(given, "accepted")
        caller = TenantCaller(role=Role.AGENT, scopes=frozenset(), company_id=company_id, subject=subject, helpdesk=given.platform)
        async with self._services.database.open(company_id) as uow:
            await uow.audit.add(caller.audited("login.helpdesk", connection.connection_id, domain=connection.domain))
        return Proof(subject=subject, groups=report.groups), ACCEPTED_SECONDS

    def _count(self, given: HelpdeskCredentials, outcome: str) -> None:
        self._services.meter.count("helpdesk_logins", platform=given.platform, outcome=outcome)


def _refused(given: HelpdeskCredentials) -> AppError:
    """One text for all: it must not tell who is a customer of whom."""
    return AppError(
        Code.UNAUTHENTICATED,
        f"These {given.platform[:20]} credentials let nobody in: they are wrong or incomplete, or no company that is connected to this "
        "domain takes them (desklore settings helpdesk-login on).",
    )
