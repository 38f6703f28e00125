"""`desklore storage`: move an installation's records from one database to another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from msgspec import Struct

from backend.cli.errors import CliError, Exit
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.serve import load_settings
from backend.cli.session import JsonOption
from backend.core.errors import AppError, Code
from backend.core.model.search import Makers
from backend.observability.logging import configure_logging
from backend.settings import LogFormat, Settings, StorageType
from backend.storage.keeping import keep
from backend.storage.moving.kept_files import CheckedFiles, check_files
from backend.storage.moving.migrate import Migrated
from backend.storage.moving.migrate import migrate as move_rows
from backend.storage.moving.progress import Tell
from backend.storage.qdrant.choose import choose_indexes
from backend.storage.sql.engine import Engines, open_engines
from backend.storage.sql.prepare import prepare

app = typer.Typer(help="Where records live.", no_args_is_help=True)


class Moved(Struct, frozen=True, kw_only=True):
    """What became of a migration, for --json."""

    rows: Migrated
    files: CheckedFiles
    in_use: bool
    """Whether a Desklore of this data folder was running: then the command has to be given once more."""


@app.command()
def migrate(
    source: Annotated[StorageType, typer.Option("--from", help="Where the records are.")],
    target: Annotated[StorageType, typer.Option("--to", help="Where they are to go.")],
    replace: Annotated[bool, typer.Option("--replace", help="Erase companies in the target that the source has not.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy all records to the other database; files and search index stay where they are.

    It may run while Desklore does, and be interrupted: given again, it copies only what differs. The last time Desklore is stopped.
    """
    output, settings = Output(as_json=as_json), load_settings()
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    if source is target:
        raise CliError(Exit.USAGE, "--from and --to name the same database.", code="wrong_usage")
    if settings.database_url is None:
        raise CliError(Exit.USAGE, "Set DESKLORE_DATABASE_URL to the PostgreSQL database (docs/postgresql.md).", code="wrong_usage")
    with counting(output) as tell:
        moved = asyncio.run(move(settings, source, target, replace=replace, tell=tell))
    output.document(moved)
    _tell(output, moved, target)
    if not moved.in_use and not (moved.rows.same and moved.files.missing == moved.files.changed == 0):
        raise typer.Exit(Exit.FAILED)


async def move(settings: Settings, source: StorageType, target: StorageType, *, replace: bool, tell: Tell) -> Moved:
    """Copy and compare; where nothing runs, nothing can start either until it is done."""
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


def _tell(output: Output, moved: Moved, target: StorageType) -> None:
    checks = moved.rows.checks
    different = [check for check in checks if not check.same]
    output.text(
        f"{moved.rows.written} rows written, {moved.rows.deleted} deleted, in {moved.rows.passes} passes; "
        f"{sum(check.target_rows for check in checks)} rows compared by hash, {len(different)} of {len(checks)} tables differ."
    )
    files = moved.files
    output.text(f"{files.checked} attachments' files checked: {files.missing} missing, {files.changed} changed. Files and index stay.")
    for check in different:
        output.text(f"  {check.company_id or 'operator'} {check.table}: {check.rows} rows here, {check.target_rows} there", style="yellow")
    if moved.in_use:
        output.text("Desklore is running, so more may follow. Stop it, and give the command again: it copies only what changed since.")
    elif not different:
        output.text(f"Done. Start Desklore with DESKLORE_STORAGE_TYPE={target.value}; the vectors that are there are used again.")
    else:
        output.text("The source was written to meanwhile. Stop every Desklore process that uses it, and give the command again.")
