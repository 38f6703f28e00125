"""`desklore usage`: what models cost a company, day by day, and what is left of its budget."""

from datetime import datetime
from typing import Annotated, Any, Final

import typer

from backend.cli.budget import money, tell_left
from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, UrlOption, as_tenant

_DAYS: Final = ["%Y-%m-%d"]


def usage(
    *,
    since: Annotated[datetime | None, typer.Option("--since", formats=_DAYS, help="First day (UTC); else the last 30.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=_DAYS, help="Last day (UTC); else today.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Tokens and money by day, model and purpose, in all, and what is left of the budget."""
    days = {"since": since and f"{since:%Y-%m-%d}", "until": until and f"{until:%Y-%m-%d}"}
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = session.client.get("/usage", **days)
        budget = session.client.get("/budget")
        session.output.document(found | {"budget": budget})
        rows = [(row["day"], f"{row['provider']}/{row['model']}", row["purpose"], *_figures(row["usage"])) for row in found["items"]]
        total = [("in all", "", "", *_figures(found["total"]))] if rows else []
        nothing = f"No model was called from {found['since']} to {found['until']}."
        session.output.table(("day", "model", "purpose", "calls", "tokens in", "tokens out", "US$"), rows + total, empty=nothing)
        tell_left(session, budget["standing"])


def _figures(spent: dict[str, Any]) -> tuple[str, ...]:
    return (f"{spent['calls']:,}", f"{spent['input_tokens']:,}", f"{spent['output_tokens']:,}", money(spent))
