"""`desklore backup` and `restore`: a whole installation, or one company, as one file and back."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from backend.cli.errors import CliError, Exit
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.serve import load_settings
from backend.cli.session import JsonOption, OverwriteOption
from backend.core import clock
from backend.observability.logging import configure_logging
from backend.settings_logs import LogFormat
from backend.storage.moving.manifest import NOT_INSIDE, CompanyCounts
from backend.storage.moving.shelf import forget_oldest, name_at

PathArgument = Annotated[Path, typer.Argument(metavar="PATH", help="The archive, such as `desklore-2026-03-01.tar`.")]


def backup(
    *,
    path: Annotated[Path | None, typer.Argument(metavar="PATH", help="The archive to write, such as `desklore-2026-03-01.tar`.")] = None,
    into: Annotated[Path | None, typer.Option("--into", metavar="FOLDER", help="Instead: a folder, where it is named by the time.")] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="With --into: delete all but the newest so many, once it is whole.")
    ] = None,
    company: Annotated[str | None, typer.Option("--company", metavar="ID", help="This company only.")] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write everything that is stored to one file, while Desklore runs. Keep the master key and the key pepper elsewhere."""
    if (path is None) is (into is None) or (keep is not None and into is None):
        raise CliError(Exit.USAGE, "Name the file to write, or with --into a folder; --keep goes with --into.", code="wrong_usage")
    from backend.cli import moving  # noqa: PLC0415 - it loads all of the product, which other commands need not wait for

    output, settings = Output(as_json=as_json), load_settings()
    path = path or (into or Path()) / name_at(clock.now(), company)
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    with counting(output) as tell:
        made = asyncio.run(moving.make_backup(settings, path, company=company, overwrite=overwrite, tell=tell))
    # Only now that the new one is whole.
    gone = forget_oldest(into, keep, company) if into is not None and keep is not None else []
    output.document(made if into is None else {**msgspec.structs.asdict(made), "deleted": gone})
    manifest = made.manifest
    output.text(f"{made.path}: {manifest.rows} rows and {manifest.files} files of {_companies(manifest.companies)}, {made.bytes:,} bytes.")
    if gone:
        output.text(f"Deleted: {', '.join(gone)}")
    _tell_missing(output, manifest.companies)
    _tell_not_inside(output)


def restore_(
    path: PathArgument,
    replace: Annotated[bool, typer.Option("--replace", help="Erase what is here first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back, into whichever database the settings name. Stop Desklore first; a damaged file is refused."""
    from backend.cli import moving  # noqa: PLC0415 - likewise

    output, settings = Output(as_json=as_json), load_settings()
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    if replace and not yes:
        typer.confirm("Erase what the backup replaces, with all its documents, connections and keys?", abort=True, err=True)
    with counting(output) as tell:
        done = asyncio.run(moving.put_back(settings, path, replace=replace, tell=tell))
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
