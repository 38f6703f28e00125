"""`desklore reply` and `rewrite`: a draft for a ticket's customer, and a draft said differently."""

import sys
from typing import Annotated, Any

import typer

from backend.cli.ask import tell_citations, written
from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_tenant
from backend.core.model.copilot import ReplyLength, RewriteAction, Tone


def reply(
    ticket_id: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's number on its helpdesk.")],
    *,
    tone: Annotated[Tone, typer.Option("--tone", help="How it sounds.")] = Tone.FRIENDLY,
    length: Annotated[ReplyLength, typer.Option("--length", help="How much it says.")] = ReplyLength.MEDIUM,
    language: Annotated[str | None, typer.Option("--language", help="Such as `ko`; else the ticket's.")] = None,
    hint: Annotated[str, typer.Option("--hint", help="What it should say.")] = "",
    platform: Annotated[str | None, typer.Option("--platform", help="Where two helpdesks have the same number.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Draft a reply to a ticket's customer; it is written as it comes, with numbered sources."""
    body = {"ticket_id": ticket_id, "tone": tone.value, "length": length.value, "hint": hint}
    body |= {name: value for name, value in (("language", language), ("platform", platform)) if value}
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        draft = _streamed(session, "/generate_reply/stream", body)
        tell_citations(session.output, draft["citations"])
        _tell_warnings(session.output, draft)
        session.output.document(draft)


def rewrite(
    action: Annotated[RewriteAction, typer.Argument(help="What to do with the text.")],
    text: Annotated[str, typer.Argument(help="The text; `-` reads it from standard input.")] = "-",
    *,
    tone: Annotated[Tone | None, typer.Option("--tone", help="How it shall sound; else as it does.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Such as `en`; else the text's. A translation needs it.")] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Rephrase, shorten, expand or translate a draft, or say it in another tone."""
    body: dict[str, Any] = {"text": sys.stdin.read() if text == "-" else text, "action": action.value}
    body |= {name: value for name, value in (("language", language), ("tone", tone and tone.value)) if value}
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        made = _streamed(session, "/rewrite/stream", body)
        _tell_warnings(session.output, made)
        session.output.document(made)


def _streamed(session: Session, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Write the text as it comes and return what `done` holds; a draft that was thrown away on its way is written anew."""
    made, shown = written(session, path, body)
    if shown.strip() != made["text"].strip():
        session.output.text(f"\n{made['text']}")
    return made


def _tell_warnings(output: Output, made: dict[str, Any]) -> None:
    for warning in made["warnings"]:
        output.remark(warning)
