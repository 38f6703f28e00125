"""`desklore webhooks`, and what `desklore connections webhook` shows: the address, the secret, and what to enter on the helpdesk."""

from typing import Any, Final

import typer

from backend.cli.output import Output
from backend.cli.session import ConnectionArgument, JsonOption, KeyOption, UrlOption, as_tenant


def tell_webhook(output: Output, made: dict[str, Any], *, korean: bool) -> None:
    """Print a webhook as the API shows it once, its steps in Korean or English."""
    guide = made["guide"]
    output.text(f"URL: {made['url']}")
    if made["secret"]:
        output.text(f"{guide['header']}: {made['secret']}")
        output.text("이 비밀 값은 지금 한 번만 보입니다." if korean else "The secret is shown this once.")
    if made["rotated"]:
        output.text("이전 비밀 값은 더 이상 통하지 않습니다." if korean else "The secret before it is worth nothing any more.")
    if not made["ready"]:
        output.text("아직 서명 비밀이 없어 웹훅을 받지 않습니다." if korean else "Nothing is taken yet: the signing secret is missing.")
    for number, step in enumerate(guide["steps_ko" if korean else "steps_en"], start=1):
        output.text(f"{number}. {step}")


app: Final = typer.Typer(help="Have a helpdesk call Desklore at every change.", no_args_is_help=True)


@app.command()
def register(*, connection: ConnectionArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Make the webhook over the helpdesk's API (Zendesk); again: find what was made. By hand: desklore connections webhook."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        made = session.client.post(f"/connections/{connection}/webhook/registration", {})
        session.output.document(made)
        by = f", called by trigger {made['trigger_id']}" if made["trigger_id"] else ""
        session.output.text(f"{made['platform']} calls {made['url']} (webhook {made['webhook_id']}{by}).")


@app.command()
def remove(*, connection: ConnectionArgument, as_json: JsonOption = False, url: UrlOption = None, key: KeyOption = None) -> None:
    """Take the webhook away, at the helpdesk too where it was made over its API, and believe it no more."""
    with as_tenant(url, key, Output(as_json=as_json)) as session:
        session.client.call("DELETE", f"/connections/{connection}/webhook")
        session.output.text(f"The webhooks of {connection} are believed no more.")
