"""`desklore settings`: how a company's data is handled, with an admin key."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, UrlOption, as_tenant
from backend.core.model.personal import Kind

app = typer.Typer(help="How a company's data is handled (admin key).", no_args_is_help=True)


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


@app.command()
def show(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """What holds now."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = session.client.get("/settings")
        session.output.document(found)
        session.output.text(_told(found))


@app.command()
def masking(
    switch: Annotated[Switch, typer.Argument(help="`on` or `off`.")],
    kinds: Annotated[str, typer.Option(help="Only these: email,phone,card,rrn,iban,account,passport,person; or `all`.")] = "",
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Mask personal data before a text leaves for a provider of models, or don't. The change is written to the audit log."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        body: dict[str, Any] = {"masking": switch is Switch.ON}
        if kinds:
            named = [name.strip().lower() for name in kinds.split(",") if name.strip()]
            body["masked_kinds"] = [kind.lower() for kind in Kind] if named == ["all"] else named
        changed = session.client.call("PATCH", "/settings", body=body)
        session.output.document(changed)
        session.output.text(_told(changed))


@app.command("helpdesk-login")
def helpdesk_login(
    switch: Annotated[Switch, typer.Argument(help="`on` or `off`.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Let agents in with their own Freshdesk or Zendesk credentials, or don't. The change is written to the audit log."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        changed = session.client.call("PATCH", "/settings", body={"helpdesk_login": switch is Switch.ON})
        session.output.document(changed)
        session.output.text(_told(changed))


def _told(found: dict[str, Any]) -> str:
    login = "on: agents get in with their own credentials of it" if found["helpdesk_login"] else "off: keys and tokens only let in"
    return f"{_told_of_masking(found)}\nLogin with the helpdesk's credentials is {login}."


def _told_of_masking(found: dict[str, Any]) -> str:
    if found["masking"]:
        shown = [kind.lower() for kind in Kind if kind.lower() not in found["masked_kinds"]]
        but = f" These kinds are sent as they are: {', '.join(shown)}." if shown else ""
        return f"Masking is on: providers of models see placeholders instead of personal data.{but}"
    return "Masking is off: providers of models see texts as they are. Summaries name nobody all the same."
