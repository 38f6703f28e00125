"""`desklore sandbox`: a made-up company's helpdesk to try Desklore with; and the same as a child that never outlives us."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.session import JsonOption

_STOP_SECONDS: Final = 5.0


class SandboxAddress(msgspec.Struct, kw_only=True):
    """Where a sandbox listens and what opens it."""

    url: str
    attachments_url: str
    api_key: str


def sandbox(
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the API; 0: any free one.")] = 8100,
    attachments_port: Annotated[int, typer.Option("--attachments-port", min=0, max=65535, help="Of the attachments; 0: any free one.")] = 0,
    tickets: Annotated[int, typer.Option("--tickets", min=1, help="How many tickets the company has.")] = 400,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same data.")] = 7,
    latency_ms: Annotated[float, typer.Option("--latency-ms", min=0, help="What every answer takes longer.")] = 0.0,
    as_json: JsonOption = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="Stop when standard input ends.")] = False,
) -> None:
    """Serve a faithful Freshdesk API with believable Korean and English support data, until Ctrl-C."""
    from sandbox.options import SandboxOptions  # noqa: PLC0415 - the sandbox's data takes time to load, and only this command needs it
    from sandbox.serve import running_sandbox  # noqa: PLC0415 - as above

    options = SandboxOptions(port=port, attachments_port=attachments_port, tickets=tickets, seed=seed, latency_ms=latency_ms)
    output = Output(as_json=as_json)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if with_parent:
            threading.Thread(target=_wait_for_parent, args=(loop, stop), daemon=True).start()
        async with running_sandbox(options) as running:
            address = SandboxAddress(url=running.base_url, attachments_url=running.attachments_url, api_key=running.api_key)
            output.document(address)
            output.text(f"The sandbox helpdesk answers at {address.url}; its API key is {address.api_key}. Ctrl-C stops it.")
            output.text(f"Start Desklore with DESKLORE_CONNECTOR_HOST_ALLOWLIST={_host(address.url)},{_host(address.attachments_url)}")
            await stop.wait()

    try:
        asyncio.run(serve())
    except OSError as error:
        raise CliError(
            Exit.FAILED, f"The sandbox can't listen on port {port}: {error.strerror}. Choose another: --port", code="port_busy"
        ) from None


class SandboxProcess:
    """A sandbox in a process of its own. It ends with us, however we end: its standard input is a pipe that only we hold."""

    def __init__(self, log: Path, *, port: int = 0, tickets: int | None = None) -> None:
        command = [sys.executable, "-m", "backend.cli", "sandbox", "--json", "--with-parent", "--port", str(port)]
        command += ["--tickets", str(tickets)] if tickets is not None else []
        self._log = log
        with log.open("ab") as errors:
            # A session of its own keeps Ctrl-C from reaching it before we have let go of it.
            self._process = subprocess.Popen(  # noqa: S603 - our own command with numbers
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )

    def wait_ready(self) -> SandboxAddress:
        """Its address once it listens. Raises CliError with what it said where it does not get that far."""
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        # The line comes when it listens, or the pipe ends when the process does.
        line = self._process.stdout.readline()
        try:
            return msgspec.json.decode(line, type=SandboxAddress)
        except msgspec.DecodeError:
            raise CliError(Exit.FAILED, f"The sandbox did not start: {self._said(line)}", code="sandbox_failed") from None

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _said(self, line: bytes) -> str:
        """The message of its error document, or where to look."""
        try:
            return str(json.loads(line)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            return f"see {self._log}"


def _wait_for_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while sys.stdin.buffer.read(1024):
        pass
    loop.call_soon_threadsafe(stop.set)


def _host(url: str) -> str:
    return url.split("://", 1)[1].rstrip("/")
