"""Sealing secrets with a data key per tenant (SPEC D2)."""

from typing import Protocol

from backend.core.model.tenant import SealedSecret, Secret, Tenant


class Cipher(Protocol):
    """AES-256-GCM envelope encryption: the tenant's id and the field are authenticated with every secret.

    Where a key service holds the master key, every method may call it and block: run them in a thread.
    Opening with another tenant, another field or a lost master key raises AppError(SECRET_UNREADABLE);
    a key service that can't be reached, STORAGE_UNAVAILABLE.
    """

    def new_data_key(self, company_id: str) -> SealedSecret:
        """A fresh data key for a tenant, wrapped by the master key."""
        ...

    def seal(self, tenant: Tenant, field: str, secret: Secret) -> SealedSecret:
        """Encrypt a secret of a tenant; `field` says which, such as `connection/<id>`."""
        ...

    def open(self, tenant: Tenant, field: str, sealed: SealedSecret) -> Secret:
        """The secret again."""
        ...

    def rewrap(self, company_id: str, data_key: SealedSecret) -> SealedSecret:
        """The same data key wrapped by the present master key."""
        ...

    def look_again(self) -> None:
        """Forget what is remembered of which master key is the newest: before anybody is told that an older one is not needed."""
        ...

    def is_newest(self, company_id: str, data_key: SealedSecret) -> bool:
        """Whether the present master key wrapped it, and opens it, so that no older one is needed for it."""
        ...
