"""`desklore keys`: make, list and revoke API keys of a company; for the operator, rotate the master key."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_operator, as_tenant
from backend.cli.text import day, moment

_BATCH: Final = 50
_PASSES: Final = 3
_MOST_TOLD: Final = 30

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
    group: Annotated[
        list[str] | None, typer.Option("--group", help="Only tickets of this group, by name or as `freshdesk:<id>`; may be repeated.")
    ] = None,
    signing: Annotated[bool, typer.Option("--signing", help="Make a secret to sign requests with, too.")] = False,
    signing_only: Annotated[bool, typer.Option("--signing-only", help="A key that can do nothing but sign.")] = False,
    company: Annotated[
        str | None, typer.Option("--company", help="With the operator's key: make an admin key for this company instead.")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Make a key. It is shown only now: what is stored is a hash, and the signing secret sealed."""
    output = Output(as_json=as_json)
    if company is not None:
        with as_operator(url, key, output) as session:
            made = session.client.post(f"/tenants/{company}/keys", {"name": name})
    else:
        with as_tenant(url, key, output) as session:
            wanted: dict[str, Any] = {"name": name, "role": role.value, "expires_at": moment(expires), "groups": group or None}
            wanted |= {"signing": signing, "signing_only": signing_only}
            made = session.client.post("/keys", wanted)
    output.document(made)
    output.text(f"Key {made['key_id']} ({made['role']}), shown only now:")
    if made["api_key"]:
        output.text(f"  {made['api_key']}")
    if made["signing_secret"]:
        output.text(f"  to sign with: {made['signing_secret']}")
    for unknown in made["unknown_groups"]:
        output.remark(f"No ticket is in a group {unknown} now: by it the key sees none. Mistyped? Revoke the key and make another.")
    if made["unknown_groups"]:
        output.remark(_told(made["known_groups"]))


@app.command("list")
def list_(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """All keys of the company, revoked ones too."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        answer = session.client.get("/keys")
        session.output.document(answer)
        rows = ((k["key_id"], k["name"], k["role"], _tickets(k), k["prefix"], _state(k), day(k["last_used_at"])) for k in answer["items"])
        session.output.table(("key", "name", "role", "tickets", "begins with", "state", "last used"), rows, empty="No keys.")


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


@app.command()
def rotate(
    check: Annotated[bool, typer.Option("--check", help="Only tell how many companies still need an older master key.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Wrap every company's data key with the newest master key (operator's key). Stopped anywhere, run it again.

    Nothing stands still meanwhile. When it says that no company is left, the old master key may be taken away.
    """
    with as_operator(url, key, Output(as_json=as_json)) as session:
        state = session.client.get("/master-key")
        if check:
            session.output.document(state)
            session.output.text(f"{state['left']} of {state['tenants']} companies need an older master key.")
            return
        state |= _rotate(session, state)
        if state["failed"]:
            _tell_unreadable(state)
        session.output.document(state)
        session.output.text(f"Wrapped {state['rewrapped']} data keys anew; {state['left']} of {state['tenants']} companies are left.")
        if not state["left"]:
            session.output.text("The old master key is not needed any more: take it away.")


def _rotate(session: Session, state: dict[str, Any]) -> dict[str, Any]:
    """Batch by batch, and once more from the beginning for companies that came or changed meanwhile."""
    done, left = 0, state["left"]
    failed: list[dict[str, str]] = []
    for _ in range(_PASSES):
        after, failed = None, []
        while left:
            answer = session.client.post("/master-key/rotate", {"limit": _BATCH, "after": after})
            done, left, after = done + answer["rewrapped"], answer["left"], answer["after"]
            failed += answer["failed"]
            session.output.remark(f"{done} data keys wrapped anew, {left} left …")
            if after is None:
                break
        if left == len(failed):
            break
    return {"rewrapped": done, "left": left, "failed": failed}


def _tell_unreadable(state: dict[str, Any]) -> None:
    """Raise for companies whose master key is not there."""
    names = ", ".join(each["company_id"] for each in state["failed"])
    raise CliError(
        Exit.FAILED,
        f"{len(state['failed'])} data keys can't be opened ({names}): {state['failed'][0]['message']} The others are done.",
        code="secret_unreadable",
        details={"failed": state["failed"]},
    )


def _revoke(session: Session, key_id: str) -> None:
    revoked = session.client.call("DELETE", f"/keys/{key_id}")
    session.output.document(revoked)
    session.output.text(f"Key {key_id} is revoked.")


def _told(groups: list[str]) -> str:
    if not groups:
        return "No ticket that was read so far is in any group."
    more = f" and {len(groups) - _MOST_TOLD} more" if len(groups) > _MOST_TOLD else ""
    return f"Tickets are in these groups: {'; '.join(groups[:_MOST_TOLD])}{more}."


def _tickets(key: dict[str, list[str] | None]) -> str:
    groups = key["groups"]
    return "all" if groups is None else ", ".join(groups) or "none"


def _state(key: dict[str, str | None]) -> str:
    if key["revoked_at"]:
        return f"revoked {day(key['revoked_at'])}"
    return f"until {day(key['expires_at'])}" if key["expires_at"] else "valid"
