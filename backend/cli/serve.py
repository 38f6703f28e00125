"""`desklore up`, `serve` and `worker`: the whole product in one process, or its API and its jobs in processes of their own."""

import os
import socket
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.server import Server, WorkerProcess, bind, run_until_signal
from backend.cli.session import JsonOption
from backend.observability.logging import configure_logging
from backend.settings import QueueType, Settings, StorageType
from backend.settings_logs import LogFormat
from backend.storage.folder import DATABASE


def load_settings() -> Settings:
    """The settings of this start. Raises CliError that names each variable that can't be right."""
    try:
        return Settings()
    except SettingsError as error:
        raise CliError(Exit.USAGE, f"The settings can't be right: {error}. See docs/settings.md.", code="bad_settings") from None
    except ValidationError as error:
        found = [f"{_variable(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in error.errors()]
        raise CliError(Exit.USAGE, f"The settings can't be right: {'; '.join(found)}. See docs/settings.md.", code="bad_settings") from None


def up(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; else DESKLORE_HOST.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Else DESKLORE_PORT; 0: any free one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start API, workers and index in this process; Ctrl-C stops them cleanly. Log lines go to standard error."""
    _serve(load_settings(), host, port, Output(as_json=as_json))


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; else DESKLORE_HOST.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Else DESKLORE_PORT; 0: any free one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the API alone; jobs are left to `desklore worker`. Needs DESKLORE_QUEUE_TYPE=redis."""
    _serve(_sharing(run_jobs=False), host, port, Output(as_json=as_json))


def worker(as_json: JsonOption = False) -> None:
    """Run jobs that wait in Redis until Ctrl-C or a polite kill, which hand back what runs. Start as many as you like."""
    settings = _sharing(run_jobs=True)
    output = Output(as_json=as_json)
    listener = None if settings.worker_port is None else bind(settings.host, settings.worker_port)
    configure_logging(level=settings.log_level, console=settings.log_format is LogFormat.CONSOLE)
    probes = {} if listener is None else {"probes": _url(listener)}

    def tell() -> None:
        output.document({"pid": os.getpid(), "data_dir": str(settings.data_dir), **probes})
        output.text(f"Running jobs, {settings.job_concurrency} at once (data in {settings.data_dir}). Ctrl-C stops it.")

    run_until_signal(WorkerProcess(settings, listener), tell)


def _serve(settings: Settings, host: str | None, port: int | None, output: Output) -> None:
    listener = bind(host or settings.host, settings.port if port is None else port)
    configure_logging(level=settings.log_level, console=settings.log_format is LogFormat.CONSOLE)
    url = _url(listener)
    first = settings.storage_type is StorageType.FILE and not (settings.data_dir / DATABASE).exists()

    def tell() -> None:
        output.document({"url": url, "data_dir": str(settings.data_dir)})
        output.text(f"Desklore is ready at {url} (data in {settings.data_dir}). Ctrl-C stops it.")
        if first:
            output.text("No company is here yet. Next, in another shell: desklore tenants create COMPANY")

    run_until_signal(Server(settings, listener), tell)


def _url(listener: socket.socket) -> str:
    address, number = listener.getsockname()[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{number}"


def _sharing(*, run_jobs: bool) -> Settings:
    settings = load_settings()
    if settings.queue_type is not QueueType.REDIS:
        raise CliError(
            Exit.USAGE,
            "Jobs in a process of their own need Redis: set DESKLORE_QUEUE_TYPE=redis and DESKLORE_REDIS_URL, "
            "or use `desklore up`, which does everything in one process.",
            code="bad_settings",
        )
    return settings.model_copy(update={"run_jobs": run_jobs})


def _variable(location: tuple[int | str, ...]) -> str:
    if not location:
        return ""
    name = str(location[0]).upper()
    return f"{name if name.startswith('DESKLORE_') else f'DESKLORE_{name}'}: "
