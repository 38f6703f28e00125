"""What most commands begin with: the common options, where to print, and a client with the right key."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from backend.cli.client import ApiClient
from backend.cli.config import find_target
from backend.cli.errors import CliError, Exit
from backend.cli.output import Output

ConnectionArgument = Annotated[str, typer.Argument(metavar="CONNECTION", help="Its id, `conn_…`.")]
POLL_SECONDS: Final = 1.0
"""How often a command that waits looks how its work goes."""
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the file where there is one of this name.")]
AfterOption = Annotated[str | None, typer.Option("--after", help="Cursor of the next page.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every page.")]
SinceOption = Annotated[datetime | None, typer.Option("--since", help="Only at or after this moment (UTC).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document.", rich_help_panel="Common")]
UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Server; else DESKLORE_URL, else the demo's.", rich_help_panel="Common")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Key; else DESKLORE_API_KEY or DESKLORE_OPERATOR_KEY.", rich_help_panel="Common"),
]


class Session:
    """A command that talks to a server: where to print and whom to call."""

    def __init__(self, client: ApiClient, output: Output) -> None:
        self.client = client
        self.output = output


def as_tenant(url: str | None, key: str | None, output: Output) -> AbstractContextManager[Session]:
    """A session with a tenant's API key. Raises CliError where there is none."""
    target = find_target(url, key)
    return _session(
        target.url,
        target.api_key,
        output,
        missing="No API key. Give one with --key or DESKLORE_API_KEY; "
        "the operator makes one with: desklore keys create NAME --company COMPANY",
    )


def as_operator(url: str | None, key: str | None, output: Output) -> AbstractContextManager[Session]:
    """A session with the operator's key. Raises CliError where there is none."""
    target = find_target(url, key)
    return _session(
        target.url,
        target.operator_key,
        output,
        missing="No operator key. Give it with --key or DESKLORE_OPERATOR_KEY; in development the server keeps it in its data folder.",
    )


@contextmanager
def _session(url: str, key: str | None, output: Output, *, missing: str) -> Iterator[Session]:
    if not key:
        raise CliError(Exit.DENIED, missing, code="unauthenticated")
    with ApiClient(url, key) as client:
        yield Session(client, output)


def read_pages(session: Session, path: str, *, limit: int, after: str | None, every: bool, **query: str | None) -> dict[str, Any]:
    """A page of a list, or with `every` that one and all behind it in one, each of so many."""
    page: dict[str, Any] = session.client.get(path, limit=limit, after=after, **query)
    items = page["items"]
    while every and page["next"]:
        page = session.client.get(path, limit=limit, after=page["next"], **query)
        items += page["items"]
    return page | {"items": items}


def tell_more(session: Session, page: dict[str, Any]) -> None:
    """How to get the next page, where there is one."""
    if page["next"]:
        session.output.remark(f"More: --after {page['next']}")


def hint_if_empty(session: Session) -> None:
    """Where a company has nothing yet, say what fills it; nothing was found because nothing is there."""
    if session.client.get("/documents", limit=1)["items"]:
        return
    session.output.text("No documents yet. Add a helpdesk: desklore connections add freshdesk YOUR-DOMAIN.freshdesk.com", style="yellow")
