"""`desklore files`: what a connection of files reads: uploaded, listed, shown as it would be read, declared."""

import io
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.session import ConnectionArgument, JsonOption, KeyOption, Session, UrlOption, as_tenant
from backend.cli.text import day, short
from backend.storage.moving.progress import Tell

_MOST_SHOWN: Final = 20
_MB: Final = 1_000_000
_ROWS: Final = ("tickets", "articles", "archive")
_READ_AS: Final = {
    "names": "is a part of an account export: its people and companies are named in tickets, and not found by themselves.",
    "passed_over": "is passed over: it holds no knowledge.",
}

app = typer.Typer(help="Files that a connection of the platform `file` reads (admin key).", no_args_is_help=True)

DeclarationOption = Annotated[
    Path | None, typer.Option("--declaration", help="A YAML that says which column is what.", exists=True, dir_okay=False)
]


class SentFile(io.FileIO):
    """A file that tells how much of it was sent, in megabytes."""

    def __init__(self, path: Path, tell: Tell) -> None:
        super().__init__(path, "rb")
        self._what = f"{path.name} (MB)"
        self._total = path.stat().st_size // _MB
        self._tell = tell

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece."""
        piece = super().read(size)
        self._tell(self._what, self.tell() // _MB, self._total)
        return piece or b""


@app.command()
def upload(
    *,
    connection: ConnectionArgument,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Exports, documents, or zips.", exists=True, dir_okay=False)],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Upload files for the next sync; one of the same name is replaced."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        kept: list[dict[str, Any]] = []
        for path in paths:
            with counting(session.output) as tell, SentFile(path, tell) as file:
                kept += session.client.send(f"/connections/{connection}/files", {"file": (path.name, file)})["items"]
        session.output.document({"items": kept})
        rows = ((each["path"], f"{each['size']:,}") for each in kept[:_MOST_SHOWN])
        session.output.table(("file", "bytes"), rows, empty="Nothing was kept.")
        if len(kept) > _MOST_SHOWN:
            more = kept[_MOST_SHOWN:]
            session.output.text(f"… and {len(more):,} more, {sum(each['size'] for each in more):,} bytes.")
        session.output.text(f"Next: desklore sync {connection}")


@app.command("list")
def list_(connection: ConnectionArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """All files that the connection reads, and what the last sync found them to be."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = session.client.get(f"/connections/{connection}/files")
        session.output.document(found)
        rows = (
            (each["path"], each["kind"], f"{each['size']:,}", day(each["modified_at"]), short(each["problem"])) for each in found["items"]
        )
        session.output.table(("file", "is", "bytes", "changed", "problem"), rows, empty="No files yet.")


@app.command()
def delete(
    connection: ConnectionArgument,
    path: Annotated[str, typer.Argument(metavar="FILE", help="An upload, as the list names it.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Delete an upload; what was read of it goes with the next sync."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        gone = session.client.call("DELETE", f"/connections/{connection}/files", params={"path": path})
        session.output.document(gone)
        session.output.text(f"Deleted {gone['deleted']}. Next: desklore sync {connection}")


@app.command()
def preview(
    *,
    connection: ConnectionArgument,
    path: Annotated[str, typer.Argument(metavar="FILE", help="A file here, or one that the connection has.")],
    declaration: DeclarationOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Show which column is taken for what, the first tickets, and rows that make no sense; nothing is kept."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        fields = {"declaration": declaration.read_text(encoding="utf-8")} if declaration else {}
        shown = _previewed(session, connection, path, fields)
        session.output.document(shown)
        _tell_preview(session.output, shown)


@app.command()
def declare(
    *,
    connection: ConnectionArgument,
    declaration: Annotated[
        Path | None, typer.Argument(metavar="YAML", help="Instead of what was declared; left out: show it.", exists=True, dir_okay=False)
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Declare nothing any more.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Say how files are read, by patterns of their names."""
    if off and declaration is not None:
        raise CliError(Exit.USAGE, "Say either a YAML or --off.", code="wrong_usage")
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        where = f"/connections/{connection}/files/declaration"
        if declaration is None and not off:
            shown = session.client.get(where)
            session.output.document(shown)
            session.output.text(shown["yaml"] or "Nothing is declared; columns are guessed.")
            return
        text = declaration.read_text(encoding="utf-8") if declaration is not None else ""
        session.output.document(session.client.call("PUT", where, body={"yaml": text}))
        session.output.text(f"Declared. Next: desklore sync {connection}")


def _previewed(session: Session, connection: str, path: str, fields: dict[str, str]) -> Any:
    where = f"/connections/{connection}/files/preview"
    local = Path(path)
    if local.is_file():
        with local.open("rb") as file:
            return session.client.send(where, {"file": (local.name, file)}, fields)
    return session.client.send(where, {"path": (None, path)}, fields)


def _tell_preview(output: Output, shown: dict[str, Any]) -> None:
    """A preview as people read it."""
    if shown["kind"] not in _ROWS:
        output.text(f"{shown['path']} {_READ_AS.get(shown['kind'], 'is read as a document.')}")
        return
    whose = f", {shown['preset']}'s own export" if shown["preset"] else ""
    zone = f", times in {shown['timezone']}" if shown["timezone"] else ""
    output.text(f"{shown['path']}: {shown['kind']} ({shown['written_as']}{whose}){zone}" if shown["written_as"] else f"{shown['path']}:")
    if shown["files"]:
        output.table(("file", "is", "export of"), ((f["path"], f["kind"], f["preset"]) for f in shown["files"]), empty="")
    if shown["columns"] or not shown["preset"]:
        output.table(("field", "column"), shown["columns"].items(), empty="No column was recognized.")
    if shown["articles"]:
        rows = (
            (a["original_id"], "draft" if a["draft"] else a["visibility"], short(a["folder"]), short(a["title"])) for a in shown["articles"]
        )
        output.table(("article", "for", "folder", "title"), rows, empty="")
    if shown["tickets"] or shown["kind"] == "tickets":
        tickets = (
            (t["original_id"], t["status"], day(t["created_at"]), t["turns"], short(t["subject"] or t["text"])) for t in shown["tickets"]
        )
        output.table(("ticket", "status", "created", "turns", "subject"), tickets, empty="No ticket could be read.")
    for problem in shown["problems"]:
        output.text(f"  ! {problem}")


def _readers(article: dict[str, Any]) -> str:
    return "draft" if article["draft"] else str(article["visibility"])
