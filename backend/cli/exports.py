"""`desklore export`: everything that is kept of a company as one zip, made by the company itself."""

import hashlib
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from backend.cli.errors import CliError, Exit, exit_for
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.runs import DetachOption
from backend.cli.session import POLL_SECONDS, JsonOption, KeyOption, OverwriteOption, Session, UrlOption, as_tenant
from backend.cli.text import day
from backend.storage.moving.aside import AsideFile

app = typer.Typer(
    help="Everything that is kept of a company as one zip (admin key); without a server: desklore tenants export.", no_args_is_help=True
)

ExportArgument = Annotated[str, typer.Argument(metavar="EXPORT", help="Its id, `export_…`.")]
_UNDER_WAY: Final = ("queued", "running")


@app.command()
def start(detach: DetachOption = False, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Start an export, or take up the one under way, and wait until it is written."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        export = _started(session)
        export_id = export["export_id"]
        if not detach:
            export = _followed(session, export)
        if export["state"] == "failed":
            code = export["error_code"]
            raise CliError(exit_for(code), f"Export {export_id} failed: {export['error_message']}", code=code, details=export)
        session.output.document(export)
        if detach:
            session.output.text(f"{export_id} goes on by itself. Watch it with: desklore export list")
            return
        session.output.text(f"{export_id}: {sum(export['rows'].values())} rows and {export['files']} files, {export['size']:,} bytes.")
        session.output.text(f"It is kept until {day(export['expires_at'])}. Take it with: desklore export download FILE.zip")


@app.command("list")
def list_(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Exports and how they go, newest first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = session.client.get("/exports")
        session.output.document(found)
        rows = ((e["export_id"], day(e["created_at"]), e["state"], _figures(e), day(e["expires_at"])) for e in found["items"])
        columns = ("export", "started", "state", "figures", "kept until")
        session.output.table(columns, rows, empty="No exports. Start one: desklore export start")


@app.command()
def download(
    *,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write, such as `acme.zip`.")],
    export: Annotated[str | None, typer.Option("--export", help="Its id; else the newest one that is done.")] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write an export to a file, which only you can read, and check that it is whole."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        chosen = session.client.get(f"/exports/{export}") if export else _newest(session)
        aside = AsideFile(path, overwrite=overwrite)
        try:
            _fetch(session, chosen, aside)
            size = aside.finish()
        finally:
            aside.abandon()
        session.output.document({"path": str(path), "export_id": chosen["export_id"], "size": size, "sha256": chosen["sha256"]})
        session.output.text(f"{path}: {size:,} bytes. It holds personal data: hand it over safely, and delete it afterwards.")


@app.command()
def delete(export: ExportArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Delete an export from the server, or stop one that is under way."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        gone = session.client.call("DELETE", f"/exports/{export}")
        session.output.document(gone)
        session.output.text(f"{export} is deleted.")


def _started(session: Session) -> dict[str, Any]:
    try:
        begun: dict[str, Any] = session.client.post("/exports")
    except CliError as error:
        if error.code != "export_active" or "export_id" not in error.details:
            raise
        session.output.remark(f"{error.details['export_id']} is under way already; waiting for it.")
        begun = session.client.get(f"/exports/{error.details['export_id']}")
    return begun


def _followed(session: Session, export: dict[str, Any]) -> dict[str, Any]:
    """The export once it has ended."""
    with counting(session.output) as tell:
        while export["state"] in _UNDER_WAY:
            tell(export["phase"] or export["error_code"] or export["state"], export["done"], export["total"])
            time.sleep(POLL_SECONDS)
            export = session.client.get(f"/exports/{export['export_id']}")
    return export


def _newest(session: Session) -> dict[str, Any]:
    done: list[dict[str, Any]] = [each for each in session.client.get("/exports")["items"] if each["state"] == "done"]
    if not done:
        raise CliError(Exit.NOT_FOUND, "There is no export that is done. Start one: desklore export start", code="export_not_found")
    return done[0]


def _fetch(session: Session, export: dict[str, Any], file: AsideFile) -> None:
    """Write the zip into the file. Raises CliError where other bytes came than were written."""
    digest, taken = hashlib.sha256(), 0
    with counting(session.output) as tell:
        for piece in session.client.pieces(f"/exports/{export['export_id']}/download"):
            file.write(piece)
            digest.update(piece)
            taken += len(piece)
            tell("bytes", taken, export["size"])
    if digest.hexdigest() != export["sha256"]:
        raise CliError(Exit.FAILED, f"{taken:,} bytes came, and not those of the export; give the command again.", code="download_damaged")


def _figures(export: dict[str, Any]) -> str:
    if export["state"] == "done":
        return f"{export['done']} rows and files, {export['size']:,} bytes"
    if export["error_code"]:
        return f"{export['error_code']}: {export['error_message']}"
    return f"{export['phase']} {export['done']}/{export['total']}".strip()
