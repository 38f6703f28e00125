"""`desklore`: every command, and the one place where a failure becomes a line and an exit code."""

import errno
import sys
import tempfile
from typing import Final

import typer
from typer.exceptions import Abort, TyperException

from backend.cli import (
    ask,
    audit,
    backup,
    bench,
    budget,
    connections,
    demo,
    documents,
    evaluate,
    exports,
    failures,
    feedback,
    files,
    index,
    keys,
    people,
    providers,
    reply,
    runs,
    sandbox,
    search,
    serve,
    source,
    storage,
    tenant_settings,
    tenants,
    usage,
    webhooks,
)
from backend.cli.errors import CliError, Exit, exit_for
from backend.cli.examples import show_examples
from backend.cli.output import Output
from backend.core.errors import AppError

app: Final = typer.Typer(
    name="desklore",
    help="Turns a support team's own history into answers: helpdesk tickets in, cited answers out.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 no server, 6 helpdesk or model, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

_RUN: Final = "Run it"
_USE: Final = "Use it"
_KEEP: Final = "Keep it"
app.command("demo", rich_help_panel=_RUN)(demo.demo)
app.command("up", rich_help_panel=_RUN)(serve.up)
app.command("serve", rich_help_panel=_RUN)(serve.serve)
app.command("worker", rich_help_panel=_RUN)(serve.worker)
app.add_typer(sandbox.app, name="sandbox", rich_help_panel=_RUN)
app.command("bench", rich_help_panel=_RUN)(bench.bench)
app.add_typer(source.app, name="source", rich_help_panel="Extend it")
app.command("sync", rich_help_panel=_USE)(runs.sync)
app.command("ask", rich_help_panel=_USE)(ask.ask)
app.command("ticket", rich_help_panel=_USE)(ask.ticket)
app.command("reply", rich_help_panel=_USE)(reply.reply)
app.command("rewrite", rich_help_panel=_USE)(reply.rewrite)
app.command("search", rich_help_panel=_USE)(search.search)
app.command("eval", rich_help_panel=_USE)(evaluate.evaluate)
app.add_typer(runs.app, name="runs", rich_help_panel=_USE)
app.add_typer(failures.app, name="failures", rich_help_panel=_USE)
app.add_typer(feedback.app, name="feedback", rich_help_panel=_USE)
app.add_typer(files.app, name="files", rich_help_panel=_USE)
app.add_typer(documents.app, name="documents", rich_help_panel=_USE)
app.command("backup", rich_help_panel=_KEEP)(backup.backup)
app.command("restore", rich_help_panel=_KEEP)(backup.restore_)
app.add_typer(storage.app, name="storage", rich_help_panel=_KEEP)
app.add_typer(index.app, name="index", rich_help_panel=_KEEP)
app.add_typer(connections.app, name="connections", rich_help_panel="Manage it")
app.add_typer(webhooks.app, name="webhooks", rich_help_panel="Manage it")
app.add_typer(tenants.app, name="tenants", rich_help_panel="Manage it")
app.add_typer(keys.app, name="keys", rich_help_panel="Manage it")
app.add_typer(tenant_settings.app, name="settings", rich_help_panel="Manage it")
app.add_typer(providers.app, name="providers", rich_help_panel="Manage it")
app.add_typer(people.app, name="people", rich_help_panel="Manage it")
app.add_typer(exports.app, name="export", rich_help_panel="Manage it")
app.add_typer(audit.app, name="audit", rich_help_panel="Manage it")
app.add_typer(budget.app, name="budget", rich_help_panel="Manage it")
app.command("usage", rich_help_panel="Manage it")(usage.usage)
show_examples(app)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; tell a failure in one line (with --json as a document)."""
    output = Output(as_json="--json" in arguments)
    try:
        result = app(arguments, prog_name="desklore", standalone_mode=False)
    except CliError as error:
        output.error(error)
        return error.exit_code
    except AppError as error:
        output.error(CliError(exit_for(error.code.value), error.message, code=error.code.value, details=error.details))
        return exit_for(error.code.value)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        message = f"A disk is full. Free some space (temporary files lie in {tempfile.gettempdir()}), then give the command again."
        output.error(CliError(Exit.FAILED, message, code="storage_full"))
        return Exit.FAILED
    except TyperException as error:
        # A group without a command has shown its help already, and says nothing more.
        if message := error.format_message():
            output.error(CliError(Exit.USAGE, f"{message} See: {_help_for(arguments)}", code="wrong_usage"))
        return error.exit_code
    except (Abort, KeyboardInterrupt):
        output.document(CliError(Exit.INTERRUPTED, "Stopped before it was done.", code="interrupted").as_json())
        return Exit.INTERRUPTED
    return result if isinstance(result, int) else Exit.OK


def run() -> None:
    """The entry point of the command `desklore`."""
    sys.exit(main(sys.argv[1:]))


def _help_for(arguments: list[str]) -> str:
    """`desklore tenants create --help` of what was typed."""
    words: list[str] = []
    for argument in arguments[:2]:
        if argument.startswith("-"):
            break
        words.append(argument)
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    groups = {group.name for group in app.registered_groups}
    keep = words[:2] if words and words[0] in groups else words[:1] if words and words[0] in known else []
    return " ".join(["desklore", *keep, "--help"])
