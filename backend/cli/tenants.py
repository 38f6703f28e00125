"""`desklore tenants`: onboard, list, look at and erase companies, with the operator's key."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.serve import load_settings
from backend.cli.session import JsonOption, KeyOption, OverwriteOption, UrlOption, as_operator
from backend.cli.text import day
from backend.observability.logging import configure_logging
from backend.settings_logs import LogFormat

app = typer.Typer(help="Companies that use this installation (operator's key).", no_args_is_help=True)

CompanyArgument = Annotated[str, typer.Argument(metavar="COMPANY", help="The company's id, such as `acme`.")]


@app.command()
def create(
    company: CompanyArgument,
    name: Annotated[str | None, typer.Option("--name", help="What people call it; else the id.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Onboard a company and make its first admin key, which is shown only now."""
    with as_operator(url, key, Output(as_json=as_json)) as session:
        tenant = session.client.post("/tenants", {"company_id": company, "name": name or company})
        made = session.client.post(f"/tenants/{company}/keys", {})
        session.output.document({**tenant, "api_key": made["api_key"], "key_id": made["key_id"]})
        session.output.text(f"Tenant {company} is there. Its first admin key, shown only now:")
        session.output.text(f"  {made['api_key']}")
        session.output.text("Next: desklore connections add freshdesk YOUR-DOMAIN.freshdesk.com --key THAT-KEY")


@app.command("list")
def list_(as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """All companies, oldest first."""
    with as_operator(url, key, Output(as_json=as_json)) as session:
        tenants = session.client.get("/tenants")
        session.output.document(tenants)
        rows = ((each["company_id"], each["name"], day(each["created_at"])) for each in tenants["items"])
        session.output.table(("company", "name", "since"), rows, empty="No tenants yet. Make one: desklore tenants create COMPANY")


@app.command()
def show(company: CompanyArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """One company."""
    with as_operator(url, key, Output(as_json=as_json)) as session:
        tenant = session.client.get(f"/tenants/{company}")
        session.output.document(tenant)
        session.output.text(f"{tenant['company_id']}: {tenant['name']}, since {day(tenant['created_at'])}")


@app.command()
def delete(
    company: CompanyArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Erase a company with everything it owns. There is no way back."""
    with as_operator(url, key, Output(as_json=as_json)) as session:
        if not yes:
            typer.confirm(f"Erase {company} with all its documents, connections and keys?", abort=True, err=True)
        erased = session.client.call("DELETE", f"/tenants/{company}")
        session.output.document(erased)
        session.output.text(
            f"Erased {company}: {erased['documents']} documents, {erased['connections']} connections, {erased['keys']} keys, "
            f"{erased['files']} files."
        )
        left = erased["left"]
        told = f"Looked for again: {left['rows']} rows, {left['files']} files and {left['points']} points of the index are left."
        session.output.text(told, style="yellow" if any(left.values()) else None)


@app.command("export")
def export_(
    company: CompanyArgument,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The zip to write, such as `acme.zip`.")],
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write all that is kept of a company to a zip: JSON lines for each table, and its files. Run it where the data is.

    A company makes the same zip by itself with `desklore export start`.
    """
    from backend.cli import moving  # noqa: PLC0415 - it loads all of the product, which other commands need not wait for

    output, settings = Output(as_json=as_json), load_settings()
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    with counting(output) as tell:
        done = asyncio.run(moving.export_company(settings, company, path, overwrite=overwrite, tell=tell))
    output.document(done)
    output.text(f"{done.path}: {sum(done.rows.values())} rows and {done.files} files of {company}, {done.bytes:,} bytes.")
    output.text("Credentials and keys are left out. It holds personal data: hand it over safely, and delete it afterwards.")
