"""`desklore keys`: make, list and revoke API keys of a company."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_operator, as_tenant
from backend.cli.text import day, moment

app = typer.Typer(help="API keys of a company (an admin key, or the operator's for the first one).", no_args_is_help=True)


class KeyRole(StrEnum):
    """What a tenant's key may do at most."""

    ADMIN = "admin"
    AGENT = "agent"
    MEMBER = "member"
    VIEWER = "viewer"


@app.command()
def create(
    *,
    name: Annotated[str, typer.Argument(help="Where it will be used, such as `sidebar`.")],
    role: Annotated[KeyRole, typer.Option("--role", help="What it may do.")] = KeyRole.AGENT,
    expires: Annotated[datetime | None, typer.Option("--expires", help="When it stops working (UTC); else never.")] = None,
    company: Annotated[
        str | None, typer.Option("--company", help="With the operator's key: make an admin key for this company instead.")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Make a key. It is shown only now: what is stored is a hash."""
    output = Output(as_json=as_json)
    if company is not None:
        with as_operator(url, key, output) as session:
            made = session.client.post(f"/tenants/{company}/keys", {"name": name})
    else:
        with as_tenant(url, key, output) as session:
            made = session.client.post("/keys", {"name": name, "role": role.value, "expires_at": moment(expires)})
    output.document(made)
    output.text(f"Key {made['key_id']} ({made['role']}), shown only now:")
    output.text(f"  {made['api_key']}")


@app.command("list")
def list_(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """All keys of the company, revoked ones too."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        answer = session.client.get("/keys")
        session.output.document(answer)
        rows = ((k["key_id"], k["name"], k["role"], k["prefix"], _state(k), day(k["last_used_at"])) for k in answer["items"])
        session.output.table(("key", "name", "role", "begins with", "state", "last used"), rows, empty="No keys.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Its id, `key_…`.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Make a key useless from now on."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        _revoke(session, key_id)


def _revoke(session: Session, key_id: str) -> None:
    revoked = session.client.call("DELETE", f"/keys/{key_id}")
    session.output.document(revoked)
    session.output.text(f"Key {key_id} is revoked.")


def _state(key: dict[str, str | None]) -> str:
    if key["revoked_at"]:
        return f"revoked {day(key['revoked_at'])}"
    return f"until {day(key['expires_at'])}" if key["expires_at"] else "valid"
