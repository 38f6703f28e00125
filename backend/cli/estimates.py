"""What `desklore sync --dry-run` tells."""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.cli.session import Session


def tell_estimates(session: Session, connections: Sequence[str], options: Mapping[str, Any]) -> None:
    """Ask for an estimate of each connection and show it. With --json: {"estimates": [...]}."""
    given = {name: value for name, value in options.items() if value is not None}
    estimates = [
        {"connection_id": each, **session.client.post("/ingest/estimate", {"connection_id": each, **given})} for each in connections
    ]
    session.output.document({"estimates": estimates})
    for estimate in estimates:
        for line in lines_of(estimate):
            session.output.text(line)


def lines_of(estimate: Mapping[str, Any]) -> list[str]:
    """An estimate in sentences."""
    listed = estimate["listed"]
    least = "" if listed["complete"] else "at least "
    minutes = "unknown" if estimate["minutes"] is None else f"{estimate['minutes']:.1f} at {estimate['calls_limit']} calls a minute"
    lines = [
        f"{estimate['connection_id']}: dry run, nothing is written",
        f"  to read    {least}{listed['tickets']:,} tickets, {listed['articles']:,} articles ({listed['stored_before']:,} stored in an "
        f"older version); {listed['unchanged']:,} unchanged, {estimate['pending']:,} stored and waiting",
        f"  API calls  {least}{estimate['api_calls']:,}; minutes: {minutes}",
        f"  summaries  {least}{usage_of(estimate['summaries'])}",
        f"  vectors    {least}{usage_of(estimate['embeddings'])}",
    ]
    if guessed := sorted({"api_calls", "summaries", "embeddings"} - set(estimate["learned"])):
        lines.append(f"  By default averages, until there is experience: {', '.join(guessed)}.")
    return lines


def usage_of(usage: Mapping[str, Any]) -> str:
    """Tokens and money of calls to a model, in words."""
    if not usage["calls"]:
        return "no call to a provider"
    cost = "cost unknown: the model has no price (DESKLORE_LLM_PRICES)" if usage["cost_usd"] is None else f"US$ {usage['cost_usd']:.4f}"
    return f"{usage['input_tokens'] + usage['output_tokens']:,} tokens, {cost}"
