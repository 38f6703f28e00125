"""`desklore audit`: who did what."""

from datetime import datetime
from typing import Annotated

import typer

from backend.cli.output import Output
from backend.cli.session import AfterOption, JsonOption, KeyOption, SinceOption, UrlOption, as_operator, as_tenant, tell_more
from backend.cli.text import day, moment, short

app = typer.Typer(help="The company's audit log.", no_args_is_help=True)


@app.command("list")
def list_(
    *,
    since: SinceOption = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Only before this moment (UTC).")] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Who, such as key:key_…, token:kim or operator.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="What, such as document.read.")] = None,
    operators: Annotated[bool, typer.Option("--operator", help="What operators did that belongs to no company (operator's key).")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many.")] = 50,
    after: AfterOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """A page of who did what, newest first."""
    enter, path = (as_operator, "/operator/audit") if operators else (as_tenant, "/audit")
    asked = {"action": action, "limit": limit, "after": after} | ({} if operators else {"actor": actor})
    with enter(url, key, Output(as_json=as_json)) as session:
        page = session.client.get(path, since=moment(since), until=moment(until), **asked)
        session.output.document(page)
        rows = (
            (
                day(e["at"]),
                e["actor"],
                e["action"],
                e["target"],
                short(", ".join(f"{name}={value}" for name, value in e["details"].items())),
            )
            for e in page["items"]
        )
        session.output.table(("at", "who", "what", "of", "details"), rows, empty="No entries.")
        tell_more(session, page)
