"""Where the credentials of connections and the keys of tenants' own models are kept (SPEC D2)."""

from typing import Protocol

from backend.core.model.tenant import SealedSecret, Secret, Tenant


class SecretStore(Protocol):
    """The credentials of tenants' connections: sealed in the database, or in a store of secrets elsewhere.

    Keys of models are kept alike: under the platform `models`, with an id of their own in place of a connection's.

    Raises AppError(SECRET_UNREADABLE) where a secret is another tenant's or connection's, or was lost, and
    STORAGE_UNAVAILABLE while the store can't be reached.
    """

    async def keep(self, tenant: Tenant, platform: str, connection_id: str, secret: Secret) -> SealedSecret:
        """Keep a connection's credentials; what is returned goes into the Connection and opens them again."""
        ...

    async def open(self, tenant: Tenant, platform: str, connection_id: str, kept: SealedSecret) -> Secret:
        """The credentials again."""
        ...

    async def forget(self, company_id: str, platform: str, connection_id: str) -> None:
        """Delete a connection's credentials, if there are any."""
        ...

    async def erase(self, company_id: str) -> int:
        """Delete all credentials of a tenant; returns how many secrets that were kept outside the database."""
        ...
