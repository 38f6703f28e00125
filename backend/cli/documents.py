"""`desklore documents`: what is stored, one by one or as files."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.rebuild import rebuild
from backend.cli.session import AfterOption, JsonOption, KeyOption, Session, UrlOption, as_tenant, tell_more
from backend.cli.text import day, short

app = typer.Typer(help="Stored tickets and articles.", no_args_is_help=True)

_PAGE = 200


@app.command("list")
def list_(
    *,
    text: Annotated[str | None, typer.Option("--text", help="Looked for in titles.")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", help="pending, processing, indexed, skipped, failed or deleted.")] = None,
    doc_type: Annotated[list[str] | None, typer.Option("--type", help="ticket or article.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_PAGE, help="How many.")] = 50,
    after: AfterOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """A page of documents, last updated first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        page = session.client.get("/documents", search=text, state=state, doc_type=doc_type, limit=limit, after=after)
        session.output.document(page)
        rows = (
            (d["document_id"], d["doc_type"], d["original_id"], d["state"], day(d["updated_at"]), short(d["title"], 70))
            for d in page["items"]
        )
        session.output.table(("document", "type", "number", "state", "updated", "title"), rows, empty="No documents.")
        tell_more(session, page)


@app.command()
def show(
    document_id: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its id.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """One document with everything this key may see of it."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        document = session.client.get(f"/documents/{document_id}")
        session.output.document(document)
        _tell(session.output, document)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write; made where missing.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write every document as a JSON file of its own, in folders by platform and type."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        count = 0
        for each in _all(session):
            document = session.client.get(f"/documents/{each['document_id']}")
            path = folder / each["platform"] / each["doc_type"] / f"{_file_name(each)}.json"
            _write(path, document)
            count += 1
        session.output.document({"folder": str(folder), "documents": count})
        session.output.text(f"Wrote {count} documents to {folder}.")


def _all(session: Session) -> Any:
    after = None
    while True:
        page = session.client.get("/documents", limit=_PAGE, after=after)
        yield from page["items"]
        after = page["next"]
        if after is None:
            return


def _file_name(document: dict[str, Any]) -> str:
    """The platform's own number where it can be a file's name, else our id."""
    number = str(document["original_id"])
    return number if number.replace("-", "").isalnum() else str(document["document_id"])


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    except OSError as error:
        raise CliError(Exit.FAILED, f"{path} can't be written: {error.strerror}", code="not_writable") from None


def _tell(output: Output, document: dict[str, Any]) -> None:
    output.text(f"{document['doc_type']} {document['original_id']}: {document['title']}", style="bold")
    reason = f" ({document['error_code'] or ''} {document['state_reason']})" if document["state_reason"] else ""
    output.text(f"{document['state']}{reason} · {document['visibility']} · updated {day(document['updated_at'])}")
    for name in ("problem", "cause", "solution", "result"):
        if document["summary"] and document["summary"][name]:
            output.text(f"{name.capitalize()}: {document['summary'][name]}")
    for part in document["parts"]:
        output.text()
        output.text(
            " · ".join(filter(None, (part["kind"], part["author"], part["heading"], day(part["at"]), part["visibility"]))), style="dim"
        )
        output.text(part["text"])
    for each in document["attachments"]:
        output.text(
            f"Attachment {each['attachment_id']}: {each['name']} ({each['size']} bytes), {each['state']} {each['error_message']}".rstrip()
        )


@app.command()
def retry(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Process once more what could not be processed, after its cause was removed: see `documents list --state failed`."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        told = session.client.post("/documents/retry")
        session.output.document(told)
        count = told["documents"]
        session.output.text(f"{count:,} documents are processed once more." if count else "No document has failed.")


@app.command()
def resummarize(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell count and price.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Summarize anew what another model or prompt version summarized; count and price are shown first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        figures = session.client.post("/documents/resummarize", {})
        usage = figures["usage"]
        cost = "unknown, the model has no price" if usage["cost_usd"] is None else f"about US$ {usage['cost_usd']:.4f}"
        tokens = usage["input_tokens"] + usage["output_tokens"]
        session.output.text(
            f"{figures['documents']:,} tickets are not summarized by {figures['model']} with {figures['prompt']}: "
            f"{usage['calls']:,} summaries to make ({figures['cached']:,} more are paid for already), {tokens:,} tokens, cost {cost}."
        )
        if figures["documents"] and not dry_run:
            if not yes:
                typer.confirm("Summarize them anew?", abort=True, err=True)
            figures = session.client.post("/documents/resummarize", {"confirm": figures["confirm"]})
            session.output.text("They are summarized in the background; search works meanwhile.")
        session.output.document(figures)


app.command("rebuild")(rebuild)
