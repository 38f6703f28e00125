"""`desklore settings`: how a company's data is handled, with an admin key."""

from enum import StrEnum
from typing import Annotated

import typer

from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, UrlOption, as_tenant

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
        session.output.text(_told(masking=found["masking"]))


@app.command()
def masking(
    switch: Annotated[Switch, typer.Argument(help="`on` or `off`.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Mask personal data before a text leaves for a provider of models, or don't. The change is written to the audit log."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        changed = session.client.call("PATCH", "/settings", body={"masking": switch is Switch.ON})
        session.output.document(changed)
        session.output.text(_told(masking=changed["masking"]))


def _told(*, masking: bool) -> str:
    if masking:
        return "Masking is on: providers of models see placeholders instead of personal data."
    return "Masking is off: providers of models see texts as they are. Summaries name nobody all the same."
