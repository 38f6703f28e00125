"""Credentials for a helpdesk and keys of models, from the command line, the terminal, a file or standard input."""

import sys
from pathlib import Path

import typer

from backend.cli.errors import CliError, Exit


def credentials_of(given: list[str] | None, platform: str) -> dict[str, str]:
    """`NAME=VALUE` pairs; asked for on the terminal where some are missing, so that no secret has to be in the shell's history.

    A script without a terminal gives the API key, or the API token beside `--secret email=…`, as the first line of standard input.
    """
    pairs = _pairs(given or [])
    if platform == "file":
        # A folder and uploads need none; the key pair of a bucket is named.
        return pairs
    if platform != "zendesk":
        return pairs or {"api_key": _asked("API key of the helpdesk")}
    if "oauth_token" in pairs or "api_token" in pairs:
        return pairs
    if "email" not in pairs and not sys.stdin.isatty():
        raise CliError(Exit.USAGE, "A Zendesk needs --secret email=… beside the API token, or --secret oauth_token=…", code="wrong_usage")
    email = pairs.get("email") or typer.prompt("E-mail address of a Zendesk administrator", err=True)
    return {"email": email, "api_token": _asked("API token of the Zendesk")}


def model_key_of(provider: str, file: Path | None) -> str | None:
    """The key of a provider of models: the first line of the file or of standard input, or asked for on the terminal; None: none."""
    if file is not None:
        try:
            key = file.read_text(encoding="utf-8").partition("\n")[0].strip()
        except (OSError, ValueError) as error:
            raise CliError(Exit.USAGE, f"{file} can't be read: {error}", code="wrong_usage") from None
        if not key:
            raise CliError(Exit.USAGE, f"{file} has no key in its first line.", code="wrong_usage")
        return key
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip() or None
    what = f"API key of {provider} (empty: the one that is kept, or none)"
    asked: str = typer.prompt(what, default="", show_default=False, hide_input=True, err=True)
    return asked.strip() or None


def _asked(what: str) -> str:
    answer: str = typer.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else _piped()
    return answer


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = dict(each.partition("=")[::2] for each in given)
    if bad := [name for name, value in pairs.items() if not name or not value]:
        raise CliError(Exit.USAGE, f"--secret needs NAME=VALUE, such as api_key=…; this is none: {', '.join(bad)}", code="wrong_usage")
    return pairs


def _piped() -> str:
    if api_key := sys.stdin.readline().strip():
        return api_key
    raise CliError(Exit.USAGE, "No API key was given: name it with --secret api_key=…, or give it on standard input.", code="wrong_usage")
