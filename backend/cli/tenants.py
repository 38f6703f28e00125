"""`desklore tenants`: onboard, list, look at and erase companies, with the operator's key."""

from typing import Annotated

import typer

from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, UrlOption, as_operator
from backend.cli.text import day

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
