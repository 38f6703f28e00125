"""`desklore up`: the whole product in one process."""

from typing import Annotated

import typer
from pydantic import ValidationError

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.server import Server, bind, run_until_signal
from backend.cli.session import JsonOption
from backend.observability.logging import configure_logging
from backend.settings import LogFormat, Settings


def load_settings() -> Settings:
    """The settings of this start. Raises CliError that names each variable that can't be right."""
    try:
        return Settings()
    except ValidationError as error:
        found = [f"{_variable(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in error.errors()]
        raise CliError(Exit.USAGE, f"The settings can't be right: {'; '.join(found)}. See docs/settings.md.", code="bad_settings") from None


def up(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; else DESKLORE_HOST.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Else DESKLORE_PORT; 0: any free one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start API, workers and index in this process; Ctrl-C stops them cleanly. Log lines go to standard error."""
    settings = load_settings()
    output = Output(as_json=as_json)
    listener = bind(host or settings.host, settings.port if port is None else port)
    configure_logging(level=settings.log_level, console=settings.log_format is LogFormat.CONSOLE)
    address, number = listener.getsockname()[:2]
    url = f"http://{f'[{address}]' if ':' in address else address}:{number}"

    def tell() -> None:
        output.document({"url": url, "data_dir": str(settings.data_dir)})
        output.text(f"Desklore is ready at {url} (data in {settings.data_dir}). Ctrl-C stops it.")

    run_until_signal(Server(settings, listener), tell)


def _variable(location: tuple[int | str, ...]) -> str:
    if not location:
        return ""
    name = str(location[0]).upper()
    return f"{name if name.startswith('DESKLORE_') else f'DESKLORE_{name}'}: "
