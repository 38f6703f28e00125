"""`desklore storage`: move an installation's records from one database to another."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.serve import load_settings
from backend.cli.session import JsonOption
from backend.observability.logging import configure_logging
from backend.settings import StorageType
from backend.settings_logs import LogFormat

if TYPE_CHECKING:
    from backend.cli.moving import Moved

app = typer.Typer(help="Where records live.", no_args_is_help=True)


@app.command()
def migrate(
    source: Annotated[StorageType, typer.Option("--from", help="Where the records are.")],
    target: Annotated[StorageType, typer.Option("--to", help="Where they are to go.")],
    replace: Annotated[bool, typer.Option("--replace", help="Erase what the target has and the source has not.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy all records to the other database; files and search index stay where they are.

    It may run while Desklore does, and be interrupted: given again, it copies only what differs. The last time Desklore is stopped.
    """
    from backend.cli import moving  # noqa: PLC0415 - it loads all of the product, which other commands need not wait for

    output, settings = Output(as_json=as_json), load_settings()
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    if source is target:
        raise CliError(Exit.USAGE, "--from and --to name the same database.", code="wrong_usage")
    if settings.database_url is None:
        raise CliError(Exit.USAGE, "Set DESKLORE_DATABASE_URL to the PostgreSQL database (docs/postgresql.md).", code="wrong_usage")
    with counting(output) as tell:
        moved = asyncio.run(moving.move(settings, source, target, replace=replace, tell=tell))
    output.document(moved)
    _tell(output, moved, target)
    if not moved.in_use and not (moved.rows.same and moved.files.missing == moved.files.changed == 0):
        raise typer.Exit(Exit.FAILED)


def _tell(output: Output, moved: "Moved", target: StorageType) -> None:
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
