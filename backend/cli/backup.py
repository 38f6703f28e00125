"""`desklore backup` and `restore`: a whole installation, or one company, as one file and back."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from backend import bootstrap
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.serve import load_settings
from backend.cli.session import JsonOption
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Tenant
from backend.observability.logging import configure_logging
from backend.runtime import version
from backend.settings import LogFormat, Settings
from backend.storage.keeping import keep
from backend.storage.moving.backup import BackedUp, back_up
from backend.storage.moving.manifest import NOT_INSIDE, CompanyCounts
from backend.storage.moving.progress import Tell
from backend.storage.moving.restore import Restored, Target, restore
from backend.storage.sql.engine import open_engines
from backend.storage.sql.prepare import prepare

PathArgument = Annotated[Path, typer.Argument(metavar="PATH", help="The archive, such as `desklore-2026-03-01.tar`.")]


def backup(
    path: PathArgument,
    company: Annotated[str | None, typer.Option("--company", metavar="ID", help="This company only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything that is stored to one file, while Desklore runs. Keep the master key and the key pepper elsewhere."""
    output, settings = Output(as_json=as_json), load_settings()
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    with counting(output) as tell:
        made = asyncio.run(make_backup(settings, path, company=company, tell=tell))
    output.document(made)
    manifest = made.manifest
    output.text(f"{made.path}: {manifest.rows} rows and {manifest.files} files of {_companies(manifest.companies)}, {made.bytes:,} bytes.")
    _tell_missing(output, manifest.companies)
    _tell_not_inside(output)


def restore_(
    path: PathArgument,
    replace: Annotated[bool, typer.Option("--replace", help="Erase what is here first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back, into whichever database the settings name. Stop Desklore first; a damaged file is refused."""
    output, settings = Output(as_json=as_json), load_settings()
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    if replace and not yes:
        typer.confirm("Erase what the backup replaces, with all its documents, connections and keys?", abort=True, err=True)
    with counting(output) as tell:
        done = asyncio.run(put_back(settings, path, replace=replace, tell=tell))
    output.document(done)
    manifest = done.manifest
    output.text(
        f"Restored {manifest.rows} rows and {manifest.files} files of {_companies(manifest.companies)}, "
        f"as they were at {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    output.text("The search index is made again at the next start, without a paid call.")
    for company in done.locked:
        output.text(
            f"{company}: no master key that is here opens its data key, so its helpdesk credentials can't be read. "
            "Give the old key back (docs/backups.md).",
            style="yellow",
        )
    _tell_missing(output, manifest.companies)


async def make_backup(settings: Settings, path: Path, *, company: str | None, tell: Tell) -> BackedUp:
    """Back the installation up that the settings name."""
    url = await prepare(settings)
    engines, kept = open_engines(url, pool_size=1), await asyncio.to_thread(keep, settings)
    try:
        return await back_up(engines, kept.blobs, path, version=version(), company=company, tell=tell)
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
        target = Target(engines=engines, blobs=services.blobs, forget=forget, opens=opens)
        return await restore(path, target, replace=replace, tell=tell)
    finally:
        await engines.dispose()
        await built.close()


def _companies(counts: dict[str, CompanyCounts]) -> str:
    named = [company for company in counts if company]
    return named[0] if len(named) == 1 else f"{len(named)} companies"


def _tell_missing(output: Output, counts: dict[str, Any]) -> None:
    for company, each in counts.items():
        if each.missing_files:
            output.text(f"{company}: {each.missing_files} attachments have no file; it was gone when the backup was made.", style="yellow")


def _tell_not_inside(output: Output) -> None:
    output.text("Not in it, so keep these elsewhere:")
    for thing in NOT_INSIDE:
        output.text(f"  - {thing}")
