"""Which database the settings name, its tables brought up to date, and a check that its row-level security holds."""

import asyncio
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import SecretStr

from backend.core.errors import AppError, Code
from backend.observability.logging import register_secret
from backend.settings import Environment, Settings, StorageType
from backend.storage.folder import DATABASE, make_folder
from backend.storage.sql import postgres
from backend.storage.sql.engine import upgrade
from backend.storage.sql.errors import translated

log = structlog.get_logger(__name__)


async def prepare(settings: Settings) -> str:
    """The address of the database with current tables, in a data folder that is there.

    Raises STORAGE_UNAVAILABLE, also where row-level security would not hold.
    """
    await asyncio.to_thread(make_folder, settings.data_dir)
    url, owner_url = addresses(settings)
    await asyncio.to_thread(upgrade, url, owner_url)
    if postgres.is_postgres(url):
        with translated():
            found = await postgres.role(url)
        _require_utf8(found)
        _require_row_security(found, strictly=settings.environment is Environment.PRODUCTION)
    return url


def addresses(settings: Settings) -> tuple[str, str | None]:
    """Where the application connects, and where its migrations do if that is another role. Passwords are kept out of logs from here on."""
    if settings.storage_type is StorageType.FILE or settings.database_url is None:
        return f"sqlite+aiosqlite:///{(settings.data_dir / DATABASE).resolve()}", None
    owner = settings.database_migration_url
    return _opened(settings.database_url), None if owner is None else _opened(owner)


def _opened(url: SecretStr) -> str:
    plain = url.get_secret_value()
    register_secret(plain)
    password = urlsplit(plain).password
    if password is not None:
        register_secret(password)
        register_secret(unquote(password))
    return plain


def _require_utf8(role: postgres.DatabaseRole) -> None:
    if role.encoding != "UTF8":
        advice = f"The database's encoding is {role.encoding}: make one with ENCODING 'UTF8' (docs/postgresql.md)."
        raise AppError(Code.STORAGE_UNAVAILABLE, advice)


def _require_row_security(role: postgres.DatabaseRole, *, strictly: bool) -> None:
    """A role above row-level security would leave tenants apart by our own queries alone."""
    if not role.above_row_security:
        return
    advice = f"The database role {role.name} is above row-level security; use one without SUPERUSER and BYPASSRLS (docs/postgresql.md)."
    if strictly:
        raise AppError(Code.STORAGE_UNAVAILABLE, advice)
    log.warning("row_security_bypassed", role=role.name, advice=advice)
