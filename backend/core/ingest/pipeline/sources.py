"""Opening a Source for a connection: the one place where its credentials are unsealed."""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection, CredentialReport, SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.halfway import Halfway
from backend.core.ports.required import tenant_of
from backend.core.ports.services import Services
from backend.core.ports.source import ExportRequest, ExportSource, Source
from backend.core.ports.webhook import RegistersWebhooks

VERIFY_SECONDS: Final = 4.0
"""A helpdesk that has not answered by then is told as not answering: somebody waits."""


async def keep_credentials(services: Services, tenant: Tenant, connection: Connection, credentials: Mapping[str, Secret]) -> SealedSecret:
    """Keep a connection's credentials for its tenant and for nobody and nothing else; what opens them goes into the connection."""
    plain = msgspec.json.encode({name: secret.reveal() for name, secret in credentials.items()}).decode()
    return await services.secrets.keep(tenant, connection.platform, connection.connection_id, Secret(plain))


async def open_source(services: Services, company_id: str, connection: Connection, lane: Lane, *, halfway: Halfway | None = None) -> Source:
    """A Source with the connection's credentials; the caller closes it. Raises SECRET_UNREADABLE or TENANT_NOT_FOUND."""
    credentials = await _opened(services, company_id, connection)
    return services.sources.open(_settings(company_id, connection, credentials), lane, halfway)


async def open_export(services: Services, company_id: str, connection: Connection, export: ExportRequest) -> ExportSource:
    """An account export as a Source of its connection; the caller closes it. Raises as `open_source`, and EXPORT_UNREADABLE."""
    credentials = await _opened(services, company_id, connection)
    return services.sources.open_export(_settings(company_id, connection, credentials), Lane.BACKFILL, export)


def open_source_with(services: Services, company_id: str, connection: Connection, lane: Lane, credentials: Mapping[str, Secret]) -> Source:
    """A Source with credentials that are not kept yet; the caller closes it."""
    return services.sources.open(_settings(company_id, connection, credentials), lane)


async def verify(
    services: Services,
    company_id: str,
    connection: Connection,
    credentials: Mapping[str, Secret] | None,
    *,
    seconds: float = VERIFY_SECONDS,
) -> CredentialReport:
    """What these credentials can read at the connection's own address, or with None those that are kept. Raises as `Source.verify`."""
    if credentials is None:
        source = await open_source(services, company_id, connection, Lane.LIVE)
    else:
        source = open_source_with(services, company_id, connection, Lane.LIVE, credentials)
    try:
        async with asyncio.timeout(seconds):
            return await source.verify()
    except TimeoutError:
        raise AppError(
            Code.SOURCE_UNAVAILABLE, f"{connection.domain} did not answer within {seconds:g} seconds; try again later."
        ) from None
    finally:
        await source.close()


async def _opened(services: Services, company_id: str, connection: Connection) -> dict[str, Secret]:
    tenant = await tenant_of(services.database, company_id)
    plain = await services.secrets.open(tenant, connection.platform, connection.connection_id, connection.credentials)
    credentials = msgspec.json.decode(plain.reveal(), type=dict[str, str])
    return {name: Secret(value) for name, value in credentials.items()}


async def take_webhook_away(services: Services, company_id: str, connection: Connection) -> None:
    """Take away what was made at the helpdesk, if anything was. Raises what the Source raises."""
    registration = connection.webhook.registration if connection.webhook is not None else None
    if registration is None:
        return
    source = await open_source(services, company_id, connection, Lane.LIVE)
    try:
        if isinstance(source, RegistersWebhooks):
            await source.unregister_webhook(registration)
    finally:
        await source.close()


def _settings(company_id: str, connection: Connection, credentials: Mapping[str, Secret]) -> SourceSettings:
    return SourceSettings(
        company_id=company_id,
        connection_id=connection.connection_id,
        platform=connection.platform,
        domain=connection.domain,
        base_url=connection.base_url,
        credentials=dict(credentials),
    )
