"""`desklore feedback`: thumbs on answers and documents, and what was said with them."""

from typing import Annotated

import typer

from backend.cli.output import Output
from backend.cli.session import AfterOption, JsonOption, KeyOption, SinceOption, UrlOption, as_tenant, tell_more
from backend.cli.text import day, moment, short

app = typer.Typer(help="What people think of answers and documents.", no_args_is_help=True)


@app.command("list")
def list_(
    *,
    rating: Annotated[str | None, typer.Option("--rating", help="up or down.")] = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")] = 50,
    after: AfterOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """A page of thumbs with their comments, newest first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        page = session.client.get("/feedback", rating=rating, since=moment(since), limit=limit, after=after)
        session.output.document(page)
        rows = (
            (day(f["at"]), f["caller"], f["rating"], f["answer_id"], f["document_id"], short(f["query"], 40), short(f["comment"]))
            for f in page["items"]
        )
        session.output.table(("at", "who", "thumb", "answer", "document", "question", "comment"), rows, empty="No feedback.")
        tell_more(session, page)
