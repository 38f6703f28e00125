"""Opening a Source for a connection: the one place where its credentials are unsealed."""

import msgspec

from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection, SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.services import Services
from backend.core.ports.source import Source


def seal_credentials(services: Services, tenant: Tenant, connection_id: str, credentials: dict[str, Secret]) -> SealedSecret:
    """Encrypt a connection's credentials for its tenant and for nobody and nothing else."""
    plain = msgspec.json.encode({name: secret.reveal() for name, secret in credentials.items()}).decode()
    return services.cipher.seal(tenant, _field(connection_id), Secret(plain))


async def open_source(services: Services, company_id: str, connection: Connection, lane: Lane) -> Source:
    """A Source with the connection's credentials; the caller closes it. Raises SECRET_UNREADABLE or TENANT_NOT_FOUND."""
    async with services.database.directory() as directory:
        tenant = await directory.get_tenant(company_id)
    if tenant is None:
        raise AppError(Code.TENANT_NOT_FOUND, f"There is no tenant {company_id}.")
    plain = services.cipher.open(tenant, _field(connection.connection_id), connection.credentials)
    credentials = msgspec.json.decode(plain.reveal(), type=dict[str, str])
    return services.sources.open(
        SourceSettings(
            company_id=company_id,
            connection_id=connection.connection_id,
            platform=connection.platform,
            domain=connection.domain,
            base_url=connection.base_url,
            credentials={name: Secret(value) for name, value in credentials.items()},
        ),
        lane,
    )


def _field(connection_id: str) -> str:
    return f"connection/{connection_id}"
