"""`desklore sync` and `runs`: start a sync, watch it, stop it."""

from datetime import datetime
from typing import Annotated, Any, Final

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.estimates import tell_estimates
from backend.cli.output import Output
from backend.cli.progress import check_ended_well, describe, follow_run
from backend.cli.session import (
    AfterOption,
    AllOption,
    JsonOption,
    KeyOption,
    Session,
    UrlOption,
    as_tenant,
    read_pages,
    tell_more,
)
from backend.cli.text import day, moment

app = typer.Typer(help="Syncs of a company's connections.", no_args_is_help=True)

ConnectionsArgument = Annotated[str | None, typer.Argument(metavar="CONNECTION", help="Its id; else every active one.")]
DetachOption = Annotated[bool, typer.Option("--detach", help="Start it and don't wait.")]
_Many = list[str] | None
_MOST: Final = 200
"""Runs in one answer."""
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its id, `run_…`.")]


def sync(
    *,
    connection: ConnectionsArgument = None,
    full: Annotated[bool, typer.Option("--full", help="Look at everything, not only at what changed.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch everything again, even what is unchanged.")] = False,
    since: Annotated[datetime | None, typer.Option("--since", help="Only what changed at or after this moment (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Only what changed before this moment (UTC).")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many items of each stream.")] = None,
    streams: Annotated[_Many, typer.Option("--stream", help="Only tickets, articles or deletions; may be given again.")] = None,
    statuses: Annotated[_Many, typer.Option("--status", help="Only tickets that are such as `resolved`; may be given again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what it would read, call and cost.")] = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Read what changed from a helpdesk and make it searchable, with live progress. With --json: {"runs": [...]}."""
    mode = "refresh" if refresh else "full" if full else "incremental"
    options = {"mode": mode, "since": moment(since), "until": moment(until), "limit": limit, "streams": streams, "statuses": statuses}
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        if dry_run:
            tell_estimates(session, chosen(session, connection), options)
            return
        runs = [sync_one(session, each, options, detach=detach) for each in chosen(session, connection)]
        session.output.document({"runs": runs})
        for run in runs if not detach else []:
            check_ended_well(run)


def sync_one(session: Session, connection_id: str, options: dict[str, Any], *, detach: bool = False) -> dict[str, Any]:
    """Start a run, or take up the one under way, and follow it to its end."""
    body = {"connection_id": connection_id, **{name: value for name, value in options.items() if value is not None}}
    try:
        run: dict[str, Any] = session.client.post("/ingest", body)
    except CliError as error:
        if error.code != "run_active" or "run_id" not in error.details:
            raise
        session.output.remark(
            f"{connection_id} is being synced already; following {error.details['run_id']}. "
            "What came after it began may be left to the next one: then give the command again."
        )
        run = session.client.get(f"/runs/{error.details['run_id']}")
    return follow_started(session, run, f"syncing {connection_id}", detach=detach)


def follow_started(session: Session, run: dict[str, Any], what: str, *, detach: bool) -> dict[str, Any]:
    """Tell of a run that was started, and follow it to its end unless somebody does not want to wait."""
    session.output.text(f"{run['run_id']}: {what}")
    if detach:
        session.output.text(f"Watch it with: desklore runs show {run['run_id']} --follow")
        return run
    run = follow_run(session, run["run_id"])
    session.output.text(f"{run['run_id']}: {run['state']}. {describe(run)}")
    if run["state"] == "completed" and run.get("error_message"):
        session.output.text(run["error_message"])
    return run


@app.command("list")
def list_(
    *,
    connection: Annotated[str | None, typer.Option("--connection", help="Only of this one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="How many.")] = 20,
    after: AfterOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """A page of syncs, newest first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        answer = read_pages(session, "/runs", connection_id=connection, limit=_MOST if every else limit, after=after, every=every)
        session.output.document(answer)
        rows = (
            (r["run_id"], r["connection_id"], r["options"]["mode"], r["state"], day(r["created_at"]), describe(r)) for r in answer["items"]
        )
        session.output.table(
            ("run", "connection", "mode", "state", "started", "figures"), rows, empty="No runs yet. Start one: desklore sync"
        )
        tell_more(session, answer)


@app.command()
def show(
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", help="Watch it to its end.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """How one sync goes."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = follow_run(session, run) if follow else session.client.get(f"/runs/{run}")
        session.output.document(found)
        session.output.text(f"{found['run_id']}: {found['state']} {found['phase']}".rstrip() + f". {describe(found)}")
        if found["stalls"]:
            session.output.text(f"It gave no sign of life {found['stalls']} times and was taken up again.")
        if found["resume_at"]:
            session.output.text(f"Goes on by itself at {day(found['resume_at'])}.")
        if found["error_code"]:
            session.output.text(f"{found['error_code']}: {found['error_message']}")
        if follow:
            check_ended_well(found)


@app.command()
def cancel(run: RunArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Stop a sync; what it has stored stays."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        stopped = session.client.post(f"/runs/{run}/cancel")
        session.output.document(stopped)
        session.output.text(f"{run} is {stopped['state']}.")


def chosen(session: Session, connection: str | None) -> list[str]:
    """The connection that was named, else every active one. Raises CliError where there is none."""
    if connection is not None:
        return [connection]
    active = [each["connection_id"] for each in session.client.get("/connections")["items"] if each["state"] == "active"]
    if not active:
        raise CliError(
            Exit.NOT_FOUND,
            "There is no active connection. Add one: desklore connections add freshdesk YOUR-DOMAIN.freshdesk.com",
            code="connection_not_found",
        )
    return active
