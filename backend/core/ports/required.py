"""What has to be there: looked up, and told in one way where it is not."""

from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection
from backend.core.model.tenant import Tenant
from backend.core.ports.database import Database, UnitOfWork


async def connection_of(uow: UnitOfWork, connection_id: str) -> Connection:
    """A connection of the tenant. Raises CONNECTION_NOT_FOUND."""
    connection = await uow.connections.get(connection_id)
    if connection is None:
        raise AppError(Code.CONNECTION_NOT_FOUND, f"There is no connection {connection_id}; list them with GET /api/v1/connections.")
    return connection


async def tenant_of(database: Database, company_id: str) -> Tenant:
    """A tenant, as it is now. Raises TENANT_NOT_FOUND."""
    async with database.directory() as directory:
        tenant = await directory.get_tenant(company_id)
    if tenant is None:
        raise no_tenant(company_id)
    return tenant


def no_tenant(company_id: str) -> AppError:
    """TENANT_NOT_FOUND."""
    return AppError(Code.TENANT_NOT_FOUND, f"There is no tenant {company_id}.")
