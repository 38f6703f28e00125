"""`desklore budget`: how much models may cost a company, and how that stands."""

from contextlib import AbstractContextManager
from typing import Annotated, Any

import typer

from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_operator, as_tenant
from backend.cli.text import day

app = typer.Typer(help="How much models may cost a company.", no_args_is_help=True)

CompanyOption = Annotated[
    str | None, typer.Option("--company", metavar="COMPANY", help="The operator's limits for this company, with the operator's key.")
]
_NAMES = {"daily_usd": "US$ a day", "monthly_usd": "US$ a month", "daily_tokens": "tokens a day", "monthly_tokens": "tokens a month"}


@app.command()
def show(company: CompanyOption = None, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """The limits, what is spent, and what waits."""
    with _session(company, url, key, Output(as_json=as_json)) as session:
        _tell(session, session.client.get(_path(company)))


@app.command("set")
def set_(
    *,
    daily_usd: Annotated[float | None, typer.Option("--daily-usd", min=0, help="US dollars by UTC day.")] = None,
    monthly_usd: Annotated[float | None, typer.Option("--monthly-usd", min=0, help="US dollars by UTC month.")] = None,
    daily_tokens: Annotated[int | None, typer.Option("--daily-tokens", min=0, help="Tokens both ways by UTC day.")] = None,
    monthly_tokens: Annotated[int | None, typer.Option("--monthly-tokens", min=0, help="Tokens both ways by UTC month.")] = None,
    company: CompanyOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Set all limits at once: one that is left out is none. What waited goes on at once."""
    limits = {"daily_usd": daily_usd, "monthly_usd": monthly_usd, "daily_tokens": daily_tokens, "monthly_tokens": monthly_tokens}
    with _session(company, url, key, Output(as_json=as_json)) as session:
        _tell(session, session.client.call("PUT", _path(company), body=limits))


@app.command()
def clear(company: CompanyOption = None, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Take the limits back."""
    with _session(company, url, key, Output(as_json=as_json)) as session:
        _tell(session, session.client.call("DELETE", _path(company)))


def _session(company: str | None, url: str | None, key: str | None, output: Output) -> AbstractContextManager[Session]:
    return as_tenant(url, key, output) if company is None else as_operator(url, key, output)


def _path(company: str | None) -> str:
    return "/budget" if company is None else f"/tenants/{company}/budget"


def _tell(session: Session, budget: dict[str, Any]) -> None:
    session.output.document(budget)
    standing = budget["standing"]
    spent = {f"{period}_{unit}": value for period, of in (("daily", "day"), ("monthly", "month")) for unit, value in _spent(standing[of])}
    by = {name: each["owner"] for each in budget["budgets"] for name, limit in each["limits"].items() if limit == standing["limits"][name]}
    limits, left = standing["limits"], standing["left"]
    rows = (
        (label, _amount(limits[name], "none"), spent[name], _amount(left[name], ""), by.get(name, "") if limits[name] is not None else "")
        for name, label in _NAMES.items()
    )
    session.output.table(("budget", "limit", "spent", "left", "set by"), rows, empty="")
    tell_reached(session, standing)
    if budget["waiting_documents"]:
        session.output.text(f"{budget['waiting_documents']} documents wait for it; they go on by themselves.")


def tell_left(session: Session, standing: dict[str, Any]) -> None:
    """What is left of the budget, in one line, and what is used up."""
    left = [
        f"{_amount(amount, '')} of {_amount(standing['limits'][name], '')} {_NAMES[name]}"
        for name, amount in standing["left"].items()
        if amount is not None
    ]
    session.output.text(f"Left of the budget: {', '.join(left)}." if left else "No budget is set.")
    tell_reached(session, standing)


def tell_reached(session: Session, standing: dict[str, Any]) -> None:
    """Which models have no price, and which limits are used up until when."""
    if standing["unpriced"]:
        models = ", ".join(standing["unpriced"])
        session.output.text(f"The cost of {models} is unknown and not counted: the operator sets prices with DESKLORE_LLM_PRICES.")
    if standing["resumes_at"]:
        reached = ", ".join(_NAMES[name] for name in standing["reached"])
        session.output.text(f"Used up ({reached}); begins anew at {day(standing['resumes_at'])}.")


def money(usage: dict[str, Any]) -> str:
    """US dollars of some calls, as far as they are known."""
    return "unknown" if usage["cost_usd"] is None else f"{usage['cost_usd']:.4f}" + (" and unknown" if usage["unpriced_calls"] else "")


def _spent(usage: dict[str, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("usd", money(usage)), ("tokens", f"{usage['input_tokens'] + usage['output_tokens']:,}")


def _amount(value: float | None, none: str) -> str:
    """Tokens whole, dollars to a hundredth of a cent."""
    return none if value is None else f"{round(value, 4):,}"
