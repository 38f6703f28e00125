"""A connection's webhook: make or rotate its secret, make it at the helpdesk where its API allows that, and stop listening."""

import asyncio
import secrets
from typing import Final

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.sources import open_source, take_webhook_away
from backend.core.model.connection import Connection, Webhook
from backend.core.model.quota import Lane
from backend.core.model.tenant import Caller, Secret
from backend.core.model.webhook import OpenedWebhook, Registration, field_of
from backend.core.ports.required import connection_of, tenant_of
from backend.core.ports.services import Services
from backend.core.ports.webhook import RegistersWebhooks, WebhookFormat

_LEAST_SECRET: Final = 16
"""A shorter one could be guessed."""


async def open_webhook(
    services: Services, company_id: str, connection_id: str, *, base_url: str, signing_secret: Secret | None, caller: Caller
) -> OpenedWebhook:
    """Make a connection's secret, or rotate it: the one before is worth nothing any more.

    Where the platform makes the secret, `signing_secret` is it; without it nothing changes, and the guide tells how to get it.
    Raises CONNECTION_NOT_FOUND, INVALID_REQUEST or PLATFORM_UNKNOWN.
    """
    tenant = await tenant_of(services.database, company_id)
    async with services.database.open(company_id) as uow:
        before = await connection_of(uow, connection_id)
    known = _format(services, before)
    secret = _checked(known, signing_secret)
    path = f"/{before.platform}/{connection_id}"
    if secret is not None:
        sealed = await asyncio.to_thread(services.cipher.seal, tenant, field_of(connection_id), secret)
        async with services.database.open(company_id, write=True) as uow:
            current = await connection_of(uow, connection_id)
            # What was made over the API stays known, so that it is taken away with the connection.
            registration = current.webhook.registration if current.webhook is not None else None
            webhook = Webhook(secret=sealed, set_at=clock.now(), registration=registration)
            await uow.connections.put(msgspec.structs.replace(current, webhook=webhook))
            action = "webhook.create" if current.webhook is None else "webhook.rotate"
            await uow.audit.add(caller.audited(action, connection_id, platform=current.platform, domain=current.domain))
    return OpenedWebhook(
        connection_id=connection_id,
        platform=before.platform,
        path=path,
        ready=secret is not None or before.webhook is not None,
        secret=None if secret is None or known.makes_secret else secret.reveal(),
        rotated=secret is not None and before.webhook is not None,
        guide=known.guide(base_url + path),
    )


async def register_webhook(services: Services, company_id: str, connection_id: str, *, base_url: str, caller: Caller) -> Registration:
    """Have the helpdesk call us, over its own API; asked for again it finds what was made, and its secret.

    Raises CONNECTION_NOT_FOUND, PLATFORM_UNKNOWN, INVALID_REQUEST where the platform has no such API or can't call the address,
    SOURCE_PERMISSION_MISSING where the credentials may not, and what the Source raises.
    """
    tenant = await tenant_of(services.database, company_id)
    async with services.database.open(company_id) as uow:
        before = await connection_of(uow, connection_id)
    _format(services, before)
    source = await open_source(services, company_id, before, Lane.LIVE)
    try:
        if not isinstance(source, RegistersWebhooks):
            raise AppError(
                Code.INVALID_REQUEST,
                f"{before.platform} lets nobody make webhooks over its API; do it by hand: desklore connections webhook {connection_id}",
            )
        made = await source.register_webhook(connection_id, f"{base_url}/{before.platform}/{connection_id}")
    finally:
        await source.close()
    sealed = await asyncio.to_thread(services.cipher.seal, tenant, field_of(connection_id), made.secret)
    webhook = Webhook(secret=sealed, set_at=clock.now(), registration=made.registration)
    async with services.database.open(company_id, write=True) as uow:
        current = await connection_of(uow, connection_id)
        await uow.connections.put(msgspec.structs.replace(current, webhook=webhook))
        await uow.audit.add(caller.audited("webhook.register", connection_id, platform=current.platform, domain=current.domain))
    return made.registration


async def close_webhook(services: Services, company_id: str, connection_id: str, caller: Caller) -> None:
    """Believe the connection's webhooks no more; one that was made over the helpdesk's API is taken away there first.

    Raises CONNECTION_NOT_FOUND, and what the Source raises where it can't be taken away: then nothing has changed.
    """
    async with services.database.open(company_id) as uow:
        before = await connection_of(uow, connection_id)
    await take_webhook_away(services, company_id, before)
    async with services.database.open(company_id, write=True) as uow:
        connection = await connection_of(uow, connection_id)
        if connection.webhook is not None:
            await uow.connections.put(msgspec.structs.replace(connection, webhook=None))
            await uow.audit.add(caller.audited("webhook.delete", connection_id, platform=connection.platform, domain=connection.domain))


def _checked(known: WebhookFormat, given: Secret | None) -> Secret | None:
    """The secret to keep: ours, or the one the platform made."""
    if not known.makes_secret:
        if given is not None:
            raise AppError(Code.INVALID_REQUEST, "This platform is told our secret: leave signing_secret out.")
        return Secret(secrets.token_urlsafe(32))
    if given is None:
        return None
    plain = given.reveal().strip()
    if len(plain) < _LEAST_SECRET or not plain.isascii():
        raise AppError(Code.INVALID_REQUEST, "That is no signing secret: copy it from the webhook's page on the helpdesk.")
    return Secret(plain)


def _format(services: Services, connection: Connection) -> WebhookFormat:
    known = services.webhooks.get(connection.platform)
    if known is None:
        raise AppError(Code.PLATFORM_UNKNOWN, f"Webhooks of {connection.platform} are not understood; its schedule keeps it up to date.")
    return known
