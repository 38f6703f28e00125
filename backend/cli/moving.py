"""What backup, restore, export and migration do, with an installation opened by its settings and without a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from backend import bootstrap
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.search import Makers
from backend.core.model.tenant import AuditEntry, Role, Tenant
from backend.runtime import version
from backend.settings import Settings, StorageType
from backend.storage.folder import DATABASE
from backend.storage.keeping import keep
from backend.storage.moving.backup import BackedUp, back_up
from backend.storage.moving.export import Exported, export
from backend.storage.moving.kept_files import CheckedFiles, check_files
from backend.storage.moving.migrate import Migrated
from backend.storage.moving.migrate import migrate as move_rows
from backend.storage.moving.progress import Tell
from backend.storage.moving.restore import Restored, Target, restore
from backend.storage.qdrant.choose import choose_indexes
from backend.storage.sql.directory import SqlDirectory
from backend.storage.sql.engine import Engines, open_engines
from backend.storage.sql.prepare import prepare
from backend.storage.sql.unit_of_work import over_all


class Moved(Struct, frozen=True, kw_only=True):
    """What became of a migration, for --json."""

    rows: Migrated
    files: CheckedFiles
    in_use: bool
    """Whether a Desklore of this data folder was running: then the command has to be given once more."""


async def make_backup(settings: Settings, path: Path, *, company: str | None, overwrite: bool = False, tell: Tell) -> BackedUp:
    """Back the installation up that the settings name."""
    _check_there(settings)
    url = await prepare(settings)
    engines, kept = open_engines(url, pool_size=1), await asyncio.to_thread(keep, settings)
    try:
        done = await back_up(engines, kept.blobs, path, version=version(), company=company, overwrite=overwrite, tell=tell)
        await _told(engines, "installation.backup" if company is None else "tenant.backup", company)
        return done
    finally:
        await engines.dispose()
        for close in kept.closers:
            await close()


async def put_back(settings: Settings, path: Path, *, replace: bool, tell: Tell) -> Restored:
    """Restore into the installation that the settings name. Raises INDEX_UNAVAILABLE while it runs with the embedded index."""
    url = await prepare(settings)
    built = await bootstrap.build(settings)
    engines = open_engines(url, pool_size=1)
    services = built.services

    async def forget(company_id: str) -> None:
        await services.indexes.drop(company_id)
        await services.caches.drop(company_id)

    async def erase(company_id: str) -> None:
        await services.streams.drop(company_id)
        await services.secrets.erase(company_id)

    def opens(tenant: Tenant) -> bool:
        try:
            services.cipher.rewrap(tenant.company_id, tenant.sealed_data_key)
        except AppError as error:
            if error.code is not Code.SECRET_UNREADABLE:
                raise
            return False
        return True

    try:
        await built.claim()
        target = Target(engines=engines, blobs=services.blobs, forget=forget, erase=erase, opens=opens)
        done = await restore(path, target, replace=replace, tell=tell)
        await _told(engines, "installation.restore", None)
        return done
    finally:
        await engines.dispose()
        await built.close()


async def move(settings: Settings, source: StorageType, target: StorageType, *, replace: bool, tell: Tell) -> Moved:
    """Copy and compare; where nothing runs, nothing can start either until it is done."""
    _check_there(settings.model_copy(update={"storage_type": source}))
    kept = await asyncio.to_thread(keep, settings)
    try:
        async with _alone(settings) as alone, _engines(settings, source) as mine, _engines(settings, target) as other:
            rows = await move_rows(mine, other, replace=replace, tell=tell)
            return Moved(rows=rows, files=await check_files(other, kept.blobs), in_use=not alone)
    finally:
        for close in kept.closers:
            await close()


@asynccontextmanager
async def _engines(settings: Settings, storage: StorageType) -> AsyncIterator[Engines]:
    chosen = settings.model_copy(update={"storage_type": storage})
    # One connection holds a snapshot, another one writes.
    engines = open_engines(await prepare(chosen), pool_size=3)
    try:
        yield engines
    finally:
        await engines.dispose()


@asynccontextmanager
async def _alone(settings: Settings) -> AsyncIterator[bool]:
    """Whether no Desklore of this data folder runs. With an index on a server nobody can tell: the operator has to know."""
    chosen = choose_indexes(settings, Makers(encoder=""))
    try:
        alone = True
        try:
            await (chosen.claim() if chosen.claim is not None else asyncio.sleep(0))
        except AppError as error:
            if error.code is not Code.INDEX_UNAVAILABLE:
                raise
            alone = False
        yield alone
    finally:
        await chosen.indexes.close()


async def export_company(settings: Settings, company: str, path: Path, *, overwrite: bool, tell: Tell) -> Exported:
    """Write a company's zip from the installation that the settings name."""
    _check_there(settings)
    engines, kept = open_engines(await prepare(settings), pool_size=1), await asyncio.to_thread(keep, settings)
    try:
        done = await export(engines, kept.blobs, company, path, overwrite=overwrite, tell=tell)
        await _told(engines, "tenant.export", company)
        return done
    finally:
        await engines.dispose()
        for close in kept.closers:
            await close()


def _check_there(settings: Settings) -> None:
    """Raise INVALID_REQUEST for a folder without a database: an empty one would be made there, and taken for what was asked for."""
    if settings.storage_type is StorageType.FILE and not (settings.data_dir / DATABASE).exists():
        message = f"There is no Desklore in {settings.data_dir}. Set DESKLORE_DATA_DIR to its data folder, as the server has it."
        raise AppError(Code.INVALID_REQUEST, message)


async def _told(engines: Engines, action: str, company: str | None) -> None:
    """Note in the audit log what the command line did to a company, or to all of them."""
    entry = AuditEntry(at=clock.now(), actor=Role.OPERATOR.value, action=action, target=company or "", details={"by": "command line"})
    async with over_all(engines) as transaction:
        await SqlDirectory(transaction).audit(entry, company)
