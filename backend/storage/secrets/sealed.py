"""Credentials sealed by the tenant's data key, kept in the connection's own row."""

import asyncio

from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.core.ports.cipher import Cipher

ELSEWHERE = "aws1."
"""How a token begins whose secret lies in AWS Secrets Manager."""


class SealedSecrets:
    """SecretStore in the database: what is returned is the secret itself, sealed. A key service is asked in a thread."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def keep(self, tenant: Tenant, platform: str, connection_id: str, secret: Secret) -> SealedSecret:  # noqa: ARG002 - the port's
        """Seal it for this tenant and connection, and for nobody and nothing else."""
        return await asyncio.to_thread(self._cipher.seal, tenant, _field(connection_id), secret)

    async def open(self, tenant: Tenant, platform: str, connection_id: str, kept: SealedSecret) -> Secret:
        """The credentials again."""
        if kept.token.startswith(ELSEWHERE):
            raise AppError(
                Code.SECRET_UNREADABLE,
                f"The {platform} credentials lie in AWS Secrets Manager. Set DESKLORE_SECRET_TYPE=aws, or enter them again.",
            )
        return await asyncio.to_thread(self._cipher.open, tenant, _field(connection_id), kept)

    async def forget(self, company_id: str, platform: str, connection_id: str) -> None:
        """They go with the connection's row."""

    async def erase(self, company_id: str) -> int:  # noqa: ARG002 - the port's
        """They go with the tenant's rows."""
        return 0


def _field(connection_id: str) -> str:
    return f"connection/{connection_id}"
