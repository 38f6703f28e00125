"""`desklore search`: what is found for a question, without an answer, and why it stands where it stands."""

from datetime import datetime
from typing import Annotated, Any

import typer

from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, UrlOption, as_tenant, hint_if_empty
from backend.cli.text import short

_Many = list[str] | None


def search(
    query: Annotated[str, typer.Argument(help="In your own words, Korean or English.")],
    *,
    types: Annotated[_Many, typer.Option("--type", help="`ticket` or `article`; may be repeated, as all filters.")] = None,
    platforms: Annotated[_Many, typer.Option("--platform", help="Such as `freshdesk`.")] = None,
    products: Annotated[_Many, typer.Option("--product", help="A product's name.")] = None,
    tags: Annotated[_Many, typer.Option("--tag", help="Any of these tags.")] = None,
    statuses: Annotated[_Many, typer.Option("--status", help="Such as `resolved`.")] = None,
    languages: Annotated[_Many, typer.Option("--language", help="Such as `ko`.")] = None,
    visibilities: Annotated[_Many, typer.Option("--visibility", help="`public`, `restricted`, `conversation` or `internal`.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Last changed then or later (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Last changed then or earlier (UTC).")] = None,
    top_k: Annotated[int, typer.Option("--top", min=1, max=100, help="How many.")] = 10,
    offset: Annotated[int, typer.Option("--offset", min=0, max=500, help="How many to leave out.")] = 0,
    why: Annotated[bool, typer.Option("--why", help="Tell what each place is made of.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Find tickets, articles and files for a question."""
    filters = {
        "doc_types": types,
        "platforms": platforms,
        "products": products,
        "tags": tags,
        "statuses": statuses,
        "languages": languages,
        "visibilities": visibilities,
        "updated_from": since and f"{since:%Y-%m-%dT%H:%M:%S}Z",
        "updated_to": until and f"{until:%Y-%m-%dT%H:%M:%S}Z",
    }
    given = {name: value for name, value in filters.items() if value}
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        found = session.client.post("/search", {"query": query, "filters": given, "top_k": top_k, "offset": offset})
        session.output.document(found)
        tell_degraded(session.output, found)
        for number, hit in enumerate(found["hits"], offset + 1):
            _tell(session.output, number, hit, why=why)
        if not found["hits"]:
            session.output.text("Nothing found.")
            hint_if_empty(session)
        elif not found["answerable"]:
            session.output.text("None of this is likely to answer the question.", style="dim")


def tell_degraded(output: Output, found: dict[str, Any]) -> None:
    """Say so where words alone found it though meaning weighs."""
    if found["degraded"]:
        output.remark(f"Words alone found this, not their meaning: the embedding model failed ({found['degraded']}).")


def _tell(output: Output, number: int, hit: dict[str, Any], *, why: bool) -> None:
    label = " ".join(filter(None, (hit["doc_type"], hit["original_id"], hit["status"])))
    output.text(f"{number:>3}. {short(hit['title'], 80)} ({label})  {', '.join(hit['explanation'])}")
    if why:
        for line in _reasons(hit["why"], hit["score"]):
            output.text(f"       {line}", style="dim")


def _reasons(why: dict[str, Any], score: float) -> list[str]:
    lines = [f"has: {' '.join(why['matched']) or 'none of the words'}"]
    if why["missing"]:
        lines.append(f"has not: {' '.join(why['missing'])}")
    if why["sparse_rank"]:
        lines.append(f"by words: place {why['sparse_rank']}, BM25 {why['sparse_score']:.2f}")
    if why["dense_rank"]:
        lines.append(f"by meaning: place {why['dense_rank']}, cosine {why['cosine']:.2f}")
    lines.append(f"score {why['fused']:.4f} fused, {why['feedback']:+.1%} by {why['votes']} thumbs -> {score:.4f}")
    return lines
