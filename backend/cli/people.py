"""`desklore people`: what is held about one person, and its erasure."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.session import POLL_SECONDS, JsonOption, KeyOption, OverwriteOption, Session, UrlOption, as_tenant
from backend.cli.text import day

app = typer.Typer(help="One person's data: export it, erase it (admin key).", no_args_is_help=True)

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="An e-mail address, a phone number or the helpdesk's id.")]
AsOption = Annotated[
    str | None, typer.Option("--by", metavar="KIND", help="email, phone or person_id; else an address by its @, and a number by its +.")
]


@app.command()
def export(
    person: PersonArgument,
    *,
    output: Annotated[Path | None, typer.Option("--output", help="The file to write; else it is printed.")] = None,
    by: AsOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """All that is held about a person, as JSON."""
    if output is not None and output.exists() and not overwrite:
        raise CliError(Exit.USAGE, f"{output} is there already; give another name, or --overwrite.", code="wrong_usage")
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        if output is None:
            session.output.console.print_json(json.dumps(session.client.post("/people/export", _body(person, by)), ensure_ascii=False))
            return
        size = session.client.download("/people/export", output, body=_body(person, by))
        session.output.document({"path": str(output), "bytes": size})
        session.output.text(f"{output}: {size:,} bytes. It holds personal data: hand it over safely, and delete it afterwards.")


@app.command()
def erase(
    person: PersonArgument,
    *,
    by: AsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be touched.")] = False,
    attachments: Annotated[bool, typer.Option("--attachments", help="Also delete the person's files, and files that name them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Erase a person wherever they are, and wait until it is done. There is no way back."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        counted = session.client.post("/people/erase", {**_body(person, by), "dry_run": True}) if dry_run or not yes else None
        if counted is not None:
            _tell(session, "Would be touched", counted["held"])
        if dry_run:
            session.output.document(counted)
            return
        if not yes:
            typer.confirm("Erase all of this?", abort=True, err=True)
        erasure = session.client.post("/people/erase", {**_body(person, by), "attachments": attachments})
        session.output.remark(f"Erasure {erasure['erasure_id']} goes on by itself; this only waits for it.")
        while erasure["state"] != "done":
            time.sleep(POLL_SECONDS)
            erasure = session.client.get(f"/people/erasures/{erasure['erasure_id']}")
        session.output.document(erasure)
        _tell(session, "Erased", erasure["held"])
        if erasure["files_left"]:
            session.output.text(f"{erasure['files_left']} files that name the person are kept; --attachments deletes them.", style="yellow")


@app.command()
def erasures(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Erasures and how they go, newest first. Nothing says who was erased."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = session.client.get("/people/erasures")
        session.output.document(found)
        rows = ((e["erasure_id"], day(e["created_at"]), e["state"], e["phase"], e["held"]["documents"]) for e in found["items"])
        session.output.table(("erasure", "since", "state", "at", "documents"), rows, empty="Nobody was erased.")


def _body(person: str, by: str | None) -> dict[str, Any]:
    kinds = ("email", "phone", "person_id")
    if by is not None and by not in kinds:
        raise CliError(Exit.USAGE, f"--by takes one of {', '.join(kinds)}.", code="wrong_usage")
    guessed = "email" if "@" in person else "phone" if person.startswith(("+", "0")) else "person_id"
    return {by or guessed: person}


def _tell(session: Session, what: str, held: dict[str, int]) -> None:
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in held.items() if count)
    session.output.text(f"{what}: {told or 'nothing'}.")
