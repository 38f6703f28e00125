"""`desklore connections`: connect helpdesks, and pause, resume, rotate or forget them."""

from typing import Annotated, Any

import typer

from backend.cli.credentials import credentials_of
from backend.cli.errors import CliError, Exit
from backend.cli.imports import import_
from backend.cli.output import Output
from backend.cli.session import ConnectionArgument, JsonOption, KeyOption, UrlOption, as_tenant
from backend.cli.text import day, short
from backend.cli.webhooks import tell_webhook

app = typer.Typer(help="Helpdesks of a company (admin key).", no_args_is_help=True)

PlatformArgument = Annotated[str, typer.Argument(help="`freshdesk`, `zendesk`, `file`, or that of an installed package.")]
DomainArgument = Annotated[
    str, typer.Argument(help="The helpdesk's host, such as `acme.zendesk.com`; of files `uploads`, `folder` or `s3://bucket/prefix`.")
]
SecretOption = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME=VALUE",
        help="A credential: api_key=… of a Freshdesk; email=… and api_token=…, or oauth_token=…, of a Zendesk. Asked for where left out.",
    ),
]
BaseUrlOption = Annotated[
    str | None, typer.Option("--base-url", help="Another address than the platform's own; the operator's allow-list must have its host.")
]


@app.command()
def add(
    *,
    platform: PlatformArgument,
    domain: DomainArgument,
    secret: SecretOption = None,
    base_url: BaseUrlOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Connect a helpdesk: its credentials are verified first, then encrypted."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        connection = session.client.post("/connections", _wanted(platform, domain, base_url, secret))
        session.output.document(connection)
        _tell_report(session.output, connection["report"])
        session.output.text(f"Connected {connection['domain']} as {connection['connection_id']}.")
        session.output.text(f"Next: {_next_step(connection)}")


@app.command()
def check(
    *,
    platform: PlatformArgument,
    domain: DomainArgument,
    secret: SecretOption = None,
    base_url: BaseUrlOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Tell what credentials can read, and save nothing."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        report = session.client.post("/connections/check", _wanted(platform, domain, base_url, secret))
        session.output.document(report)
        _tell_report(session.output, report)


@app.command("list")
def list_(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """All connections, oldest first."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        answer = session.client.get("/connections")
        session.output.document(answer)
        rows = (
            (
                c["connection_id"],
                c["platform"],
                c["domain"],
                f"{c['state']} {c['state_reason']}".strip(),
                day(c["last_synced_at"]),
                day(c["next_run_at"]),
            )
            for c in answer["items"]
        )
        session.output.table(
            ("connection", "platform", "domain", "state", "last synced", "next sync"),
            rows,
            empty="No connections yet. Add one: desklore connections add freshdesk YOUR-DOMAIN.freshdesk.com",
        )


@app.command()
def pause(connection: ConnectionArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Sync it no more until it is resumed."""
    _change(connection, {"state": "paused"}, as_json=as_json, url=url, key=key)


@app.command()
def resume(connection: ConnectionArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Sync it again; a broken one is verified first."""
    _change(connection, {"state": "active"}, as_json=as_json, url=url, key=key)


@app.command()
def rotate(
    connection: ConnectionArgument, secret: SecretOption = None, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None
) -> None:
    """Give it new credentials; they are verified before they replace the old ones."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        platform = session.client.get(f"/connections/{connection}")["platform"]
        body = {"credentials": credentials_of(secret, platform)}
        changed = session.client.call("PATCH", f"/connections/{connection}", body=body)
        session.output.document(changed)
        session.output.text(f"{changed['domain']} is {changed['state']}.")


@app.command()
def delete(
    *,
    connection: ConnectionArgument,
    keep: Annotated[bool, typer.Option("--keep-documents", help="Keep what was read over it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Forget it and its credentials, with what was read over it."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        if not yes:
            typer.confirm(f"Forget {connection}{'' if keep else ' and delete its documents'}?", abort=True, err=True)
        gone = session.client.call("DELETE", f"/connections/{connection}", params={"keep_documents": keep})
        session.output.document(gone)
        session.output.text(f"Deleted {connection} with {gone['documents']} documents and {gone['files']} files.")


@app.command()
def schedule(
    *,
    connection: ConnectionArgument,
    every: Annotated[
        str | None, typer.Option("--every", metavar="15m", help="Every so many minutes (m, 5 at least), hours (h) or days (d).")
    ] = None,
    cron: Annotated[str | None, typer.Option("--cron", metavar="'0 3 * * *'", help="Minute, hour, day, month, weekday.")] = None,
    timezone: Annotated[str, typer.Option("--tz", help="The cron expression's time zone, such as Asia/Seoul.")] = "UTC",
    off: Annotated[bool, typer.Option("--off", help="Sync it only when somebody asks.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Say when it is synced by itself."""
    if sum((every is not None, cron is not None, off)) != 1:
        raise CliError(Exit.USAGE, "Say one of: --every 15m, --cron '0 3 * * *', --off.", code="wrong_usage")
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        path = f"/connections/{connection}/schedule"
        body = {"every_minutes": None if every is None else _minutes(every), "cron": cron, "timezone": timezone}
        changed = session.client.call("DELETE", path) if off else session.client.call("PUT", path, body=body)
        session.output.document(changed)
        when = f"is synced next at {day(changed['next_run_at'])}" if changed["next_run_at"] else "is not synced by itself"
        session.output.text(f"{changed['domain']} {when}.")


def _minutes(text: str) -> float:
    """`15m`, `2h` or `1d` as minutes."""
    units = {"m": 1, "h": 60, "d": 1440}
    amount, unit = text[:-1], text[-1:].lower()
    if unit not in units or not amount.isdecimal():
        raise CliError(
            Exit.USAGE, f"--every needs a whole number with m, h or d, 5m at least, such as 15m; this is none: {text}", code="wrong_usage"
        )
    return int(amount) * units[unit]


app.command("import")(import_)


@app.command()
def deletions(
    *,
    connection: ConnectionArgument,
    delete: Annotated[bool | None, typer.Option("--delete/--keep", help="Delete all of them, or keep them.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """What seems to be gone from the helpdesk, too much at once to delete it without asking."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        path = f"/connections/{connection}/deletions"
        if delete is not None:
            done = session.client.post(path, {"delete": delete})
            session.output.document(done)
            session.output.text(f"Deleted {done['deleted']}, kept {done['kept']}.")
            return
        held = session.client.get(path)
        session.output.document(held)
        rows = (
            (f"{each['doc_type']} {each['original_id']}", each["presence"], day(each["at"]), short(each["title"])) for each in held["items"]
        )
        session.output.table(("item", "is", "since", "title"), rows, empty="No deletion waits for you.")
        if held["total"]:
            session.output.text(f"{held['total']} in all. Delete them with --delete, or keep them with --keep.")


@app.command()
def webhook(
    *,
    connection: ConnectionArgument,
    signing_secret: Annotated[str | None, typer.Option("--signing-secret", help="Of a Zendesk webhook, from its page there.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Believe its webhooks no more.")] = False,
    korean: Annotated[bool, typer.Option("--ko/--en", help="Language of the steps.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Make its webhook or rotate the secret, and tell what to enter on the helpdesk."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        path = f"/connections/{connection}/webhook"
        if off:
            session.client.call("DELETE", path)
            session.output.text(f"The webhooks of {connection} are believed no more.")
            return
        made = session.client.post(path, {"signing_secret": signing_secret} if signing_secret else {})
        session.output.document(made)
        tell_webhook(session.output, made, korean=korean)


def _change(connection: str, body: dict[str, Any], *, as_json: bool, url: str | None, key: str | None) -> None:
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        changed = session.client.call("PATCH", f"/connections/{connection}", body=body)
        session.output.document(changed)
        session.output.text(f"{changed['domain']} is {changed['state']}.")


def _wanted(platform: str, domain: str, base_url: str | None, secret: list[str] | None) -> dict[str, Any]:
    return {"platform": platform, "domain": domain, "base_url": base_url, "credentials": credentials_of(secret, platform)}


def _tell_report(output: Output, report: dict[str, Any] | None) -> None:
    if report is None:
        return
    agent = f"{report['agent_name']} <{report['agent_email']}>" if report["agent_email"] else report["agent_name"]
    output.text(f"{report['account_name']}, as {agent}")
    for ability in report["abilities"]:
        output.text(f"  {'yes' if ability['ok'] else 'NO '} {ability['name']}{'  ' + ability['message'] if ability['message'] else ''}")
    for warning in report["warnings"]:
        output.text(f"  ! {warning}")


def _next_step(connection: dict[str, Any]) -> str:
    """What there is to do with a new connection: uploads are empty, a helpdesk is not."""
    number = connection["connection_id"]
    empty = connection["platform"] == "file" and connection["domain"] == "uploads"
    return f"desklore files upload {number} FILE …" if empty else f"desklore sync {number}"
