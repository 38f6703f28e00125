"""`desklore documents rebuild`: everything again from the archive of payloads, without a call to the helpdesk."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from backend.cli.estimates import usage_of
from backend.cli.output import Output
from backend.cli.progress import check_ended_well
from backend.cli.runs import ConnectionsArgument, DetachOption, chosen, follow_started
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_tenant


def rebuild(
    *,
    connection: ConnectionsArgument = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change and what it would cost.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Read the texts of stored attachments anew too.")] = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Make documents again of what is archived, without a call to the helpdesk. With --json: {"runs": [...]}."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        body = {"dry_run": dry_run, "files": files}
        runs = [_one(session, each, body, detach=detach) for each in chosen(session, connection)]
        session.output.document({"runs": runs})
        for run in runs if not detach else []:
            check_ended_well(run)


def _one(session: Session, connection_id: str, body: Mapping[str, Any], *, detach: bool) -> dict[str, Any]:
    run: dict[str, Any] = session.client.post("/documents/rebuild", {"connection_id": connection_id, **body})
    run = follow_started(session, run, f"rebuilding {connection_id} from the archive", detach=detach)
    if not detach and run["state"] == "completed":
        for line in lines_of(run):
            session.output.text(line)
    return run


def lines_of(run: Mapping[str, Any]) -> list[str]:
    """What a rebuild came to, in sentences."""
    rebuilt, dry_run = run["rebuilt"] or {}, run["options"]["dry_run"]
    same = run["counts"]["unchanged"] - sum(rebuilt[name] for name in ("newer", "gone", "incomplete"))
    lines = [f"  {'would change' if dry_run else 'changed':<13}{rebuilt['changed']:,}", f"  {'the same':<13}{same:,}"]
    told = {
        "newer": "are stored in a newer copy than is archived, and stay",
        "gone": "are deleted or hidden, and stay so",
        "incomplete": "were archived without what names them, and stay",
    }
    lines += [f"  left alone   {rebuilt[name]:,} {why}" for name, why in told.items() if rebuilt[name]]
    if run["counts"]["failed"]:
        lines.append(f"  failed       {run['counts']['failed']:,}; see: desklore failures list {run['connection_id']}")
    if dry_run:
        lines.append(f"  summaries    {usage_of(rebuilt['summaries'])}; nothing was written")
    return lines
