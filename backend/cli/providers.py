"""`desklore providers`: models that a company brings itself, with an admin key."""

from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.credentials import model_key_of
from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, UrlOption, as_tenant
from backend.core.model.provider import OFFLINE, ModelRole

app = typer.Typer(help="Models that a company brings itself, role by role (admin key).", no_args_is_help=True)

RoleArgument = Annotated[ModelRole, typer.Argument(help="What it is asked for.")]


@app.command()
def show(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Which model plays which role, and how the company's own are."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        _tell(session.output, session.client.get("/settings/providers"))


@app.command("set")
def set_(
    *,
    role: RoleArgument,
    provider: Annotated[str, typer.Argument(help="`openai` (also any compatible server), `anthropic`, `google` or `offline`.")],
    model: Annotated[str, typer.Argument(help="The model's name; none with `offline`.")] = "",
    base_url: Annotated[str | None, typer.Option("--base-url", help="Another address than the provider's own.")] = None,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Ask the installation's model where this one is down; else texts go to nobody else.")
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Its API key; else asked for, or the first line of standard input.")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Have a model of your own play a role: it is asked once, then kept with its key encrypted."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        body: dict[str, Any] = {"provider": provider, "model": model, "base_url": base_url, "fallback": fallback}
        if provider != OFFLINE:
            body["api_key"] = model_key_of(provider, key_file)
        _tell(session.output, session.client.call("PUT", f"/settings/providers/{role}", body=body))


@app.command()
def clear(role: RoleArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Go back to the installation's model for a role, and forget the key."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        _tell(session.output, session.client.call("DELETE", f"/settings/providers/{role}"))


def _tell(output: Output, found: dict[str, Any]) -> None:
    output.document(found)
    output.table(("role", "model", "whose", "base URL", "key", "where it is down", "state"), map(_row, found["items"]), empty="")
    for each in found["items"]:
        if each["trouble"] is not None:
            output.remark(f"{each['role']}: {each['trouble']['message']}")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    own, name = each["own"], f"{each['provider']}:{each['model']}".rstrip(":")
    if own is None:
        return (each["role"], name, "the installation's", "", "", "", "")
    down = "the installation's" if own["fallback"] else "nothing else"
    key = "kept" if own["has_key"] else "none"
    return (each["role"], name, "the company's own", own["base_url"] or "", key, down, each["state"])
