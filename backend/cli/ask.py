"""`desklore ask` and `ticket`: a cited answer to a question, and what a ticket is about."""

from typing import Annotated, Any

import typer

from backend.cli.errors import CliError, exit_for
from backend.cli.output import Output
from backend.cli.reading import text_events
from backend.cli.search import tell_degraded
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_tenant, hint_if_empty
from backend.cli.text import short


def ask(
    question: Annotated[str, typer.Argument(help="In your own words, Korean or English.")],
    language: Annotated[str | None, typer.Option("--language", help="Of the answer, such as `ko`; else the question's.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Ask a question; the answer is written as it comes, with numbered sources."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        answer = ask_one(session, question, language)
        if not answer["grounded"]:
            hint_if_empty(session)
        session.output.document(answer)


def ask_one(session: Session, question: str, language: str | None = None) -> dict[str, Any]:
    """Stream an answer to the terminal, list its citations, and return it. Raises CliError for an error inside the stream."""
    body = {"question": question} | ({"language": language} if language else {})
    answer, _ = written(session, "/query/stream", body)
    tell_citations(session.output, answer["citations"])
    return answer


def written(session: Session, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Write a text to the terminal as it comes; what `done` holds, and what was written.

    Where the connection breaks it is read on; Ctrl-C cancels it at the server. Raises CliError for an error inside the stream, and
    for a text that can't be read on.
    """
    shown = ""
    with text_events(session.client, path, body) as events:
        for event in events:
            if event.name == "token":
                shown += event.data["text"]
                session.output.text(event.data["text"], end="")
            elif event.name == "hits":
                tell_degraded(session.output, event.data)
            elif event.name == "error":
                error = event.data["error"]
                raise CliError(exit_for(error["code"]), error["message"], code=error["code"])
            elif event.name == "done":
                session.output.text()
                return dict(event.data), shown
    raise AssertionError("a text that broke off raises")


def tell_citations(output: Output, citations: list[dict[str, Any]]) -> None:
    """One line a source: its number, what it is, who may see it, and where."""
    for source in citations:
        place = f", page {source['page']}" if source["page"] else ""
        label = f"{source['doc_type']} {source['original_id']}{place}, {source['visibility']}"
        output.text(
            f"  [{source['number']}] {short(source['title'], 70)} ({label}){'  ' + source['url'] if source['url'] else ''}", style="dim"
        )


def ticket(
    ticket_id: Annotated[str, typer.Argument(metavar="ID", help="The ticket's number on its helpdesk.")],
    platform: Annotated[str | None, typer.Option("--platform", help="Where two helpdesks have the same number.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """What a ticket is about, what solved others like it, and which articles explain it."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        brief = session.client.get_when_ready(f"/init/{ticket_id}", platform=platform)
        session.output.document(brief)
        tell_degraded(session.output, brief)
        _tell_brief(session.output, brief)


def _tell_brief(output: Output, brief: dict[str, Any]) -> None:
    facts = [brief[name] for name in ("status_label", "priority", "product", "requester") if brief[name]]
    output.text(f"#{brief['ticket_id']} {brief['title']}", style="bold")
    output.text(" · ".join(facts))
    for part in ("problem", "cause", "solution", "result"):
        if brief["summary"] and brief["summary"][part]:
            output.text(f"{part.capitalize()}: {brief['summary'][part]}")
    for name, hits in (("Similar tickets", brief["similar"]), ("Articles", brief["articles"])):
        if hits:
            output.text(f"{name}:")
        for hit in hits:
            output.text(f"  {hit['original_id']:>8}  {short(hit['title'], 70)}  {', '.join(hit['explanation'])}")
