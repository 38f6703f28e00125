"""`desklore failures`: what syncs could not take, why, and what to do with it."""

from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.progress import check_ended_well, follow_run
from backend.cli.session import (
    AfterOption,
    AllOption,
    ConnectionArgument,
    JsonOption,
    KeyOption,
    Session,
    UrlOption,
    as_tenant,
    read_pages,
    tell_more,
)
from backend.cli.text import day, short

app = typer.Typer(help="Items that syncs could not take; they are tried first next time.", no_args_is_help=True)

_MOST: Final = 1_000
"""Failures in one answer."""
MaybeConnection = Annotated[str | None, typer.Argument(metavar="CONNECTION", help="Its id; else every one.")]
ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="As the list names it, such as `ticket:4711`.")]
ItemsArgument = Annotated[list[str] | None, typer.Argument(metavar="ITEM", help="Such as `ticket:4711`; else all.")]


@app.command("list")
def list_failures(
    *,
    connection: MaybeConnection = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="How many of each connection.")] = 100,
    after: AfterOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """A page of what could not be taken, and why; what was tried longest ago comes first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        wanted = [connection] if connection else [each["connection_id"] for each in session.client.get("/connections")["items"]]
        if after and len(wanted) != 1:
            raise CliError(Exit.USAGE, "A cursor is of one connection's list: name the connection before it.")
        size = _MOST if every else limit
        found = {each: read_pages(session, f"/connections/{each}/failures", limit=size, after=after, every=every) for each in wanted}
        items = [{"connection_id": each, **failure} for each, listed in found.items() for failure in listed["items"]]
        total = sum(listed["total"] for listed in found.values())
        following = next((listed["next"] for listed in found.values()), None) if len(found) == 1 else None
        page = {"items": items, "total": total, "next": following}
        session.output.document(page)
        rows = ((_name(f), f["code"], f["attempts"], day(f["at"]), short(f["message"])) for f in items)
        session.output.table(("item", "code", "tries", "last", "why"), rows, empty="No failures.")
        if total > len(items):
            session.output.text(f"These are {len(items)} of {total}; all of them: --all")
        tell_more(session, page)


@app.command()
def show(
    connection: ConnectionArgument, item: ItemArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None
) -> None:
    """One of them with what the helpdesk sent."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        failure = session.client.get(_path(connection, item))
        session.output.document(failure)
        session.output.text(f"{_name(failure)}: {failure['code']}, tried {failure['attempts']} times, last {day(failure['at'])}")
        session.output.text(failure["message"])
        session.output.text(failure["payload"] or "The helpdesk sent nothing that could be kept.")


@app.command()
def retry(
    connection: ConnectionArgument, items: ItemsArgument = None, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None
) -> None:
    """Try some or all of them again now."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        wanted = [dict(zip(("doc_type", "original_id"), _split(item), strict=True)) for item in items or ()]
        run = session.client.post(f"/connections/{connection}/failures/retry", {"items": wanted})
        run = follow_run(session, run["run_id"])
        left = session.client.get(f"/connections/{connection}/failures", limit=1)["total"]
        session.output.document({"run": run, "failures": left})
        _tell_left(session, left)
        check_ended_well(run)


@app.command()
def dismiss(
    connection: ConnectionArgument, item: ItemArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None
) -> None:
    """Don't try one of them any more; it is read again when it changes, or by a full sync."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        session.client.call("DELETE", _path(connection, item))
        session.output.document({"dismissed": item})
        session.output.text(f"{item} is not tried again until it changes.")


def _tell_left(session: Session, left: int) -> None:
    if left:
        session.output.text(f"{left} could not be taken still; see them with: desklore failures list")
    else:
        session.output.text("Everything was taken.")


def _path(connection: str, item: str) -> str:
    doc_type, original_id = _split(item)
    return f"/connections/{connection}/failures/{quote(doc_type, safe='')}/{quote(original_id, safe='')}"


def _split(item: str) -> tuple[str, str]:
    doc_type, colon, original_id = item.partition(":")
    if not colon or not original_id:
        raise CliError(Exit.USAGE, f"{item!r} names no item; write it as `desklore failures list` does, such as ticket:4711.")
    return doc_type, original_id


def _name(failure: dict[str, Any]) -> str:
    return f"{failure['doc_type']}:{failure['original_id']}"
