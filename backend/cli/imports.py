"""`desklore connections import`: an account export in place of a call for every ticket."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.output import Output
from backend.cli.progress import check_ended_well
from backend.cli.runs import DetachOption, follow_started
from backend.cli.session import ConnectionArgument, JsonOption, KeyOption, UrlOption, as_tenant
from backend.cli.text import day, moment

FileArgument = Annotated[Path, typer.Argument(metavar="FILE.zip", help="The zip, as the helpdesk gave it.", exists=True, dir_okay=False)]


def import_(
    *,
    connection: ConnectionArgument,
    file: FileArgument,
    made_at: Annotated[
        datetime | None,
        typer.Option("--made-at", help="When the helpdesk began to make it (UTC); else the file tells, and a day is read anew."),
    ] = None,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Import the helpdesk's own account export: everything with one download. The next sync goes on where it ends."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        with file.open("rb") as content:
            given = {"file": (file.name, content, "application/octet-stream")}
            run = session.client.send(f"/connections/{connection}/imports", given, params={"made_at": moment(made_at)})
        run = follow_started(session, run, f"importing {file.name}", detach=detach)
        session.output.document(run)
        if not detach:
            check_ended_well(run)
            _tell(session.output, run)


def _tell(output: Output, run: dict[str, Any]) -> None:
    _tell_calls(output, run)
    if run["counts"]["failed"]:
        output.text(f"See what could not be read: desklore failures list {run['connection_id']}")
    if run["continued_at"]:
        output.text(f"The next sync reads what changed since {day(run['continued_at'])}.")
    else:
        output.text("The export could not be shown to hold every ticket: the next sync lists all and reads those that are new.")


def _tell_calls(output: Output, run: dict[str, Any]) -> None:
    counts = run["counts"]
    taken = counts["stored"] + counts["unchanged"]
    if taken:
        output.text(f"{counts['api_calls']} API calls for {taken} items, {counts['api_calls'] / taken:.3f} for each.")
