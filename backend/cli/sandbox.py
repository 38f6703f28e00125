"""`desklore sandbox`: a made-up company's helpdesk to try Desklore with; and the same as a child that never outlives us."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from contextlib import AsyncExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.session import JsonOption, OverwriteOption

if TYPE_CHECKING:
    from sandbox.options import SandboxOptions

_STOP_SECONDS: Final = 5.0


class SandboxAddress(msgspec.Struct, kw_only=True):
    """Where a sandbox listens and what opens it."""

    url: str
    attachments_url: str
    api_key: str
    """Of a Zendesk: its API token, which goes with `email`."""
    platform: str = "freshdesk"
    email: str = ""
    oauth_token: str = ""
    brand_url: str = ""
    """Of a Zendesk: the host of its second brand, which has a help center of its own."""
    beside: "SandboxAddress | None" = None
    """The other one, where both are served."""


class Platform(StrEnum):
    """Whose API is served."""

    FRESHDESK = "freshdesk"
    ZENDESK = "zendesk"
    BOTH = "both"


app: Final = typer.Typer(
    help="A made-up company's helpdesk to try Desklore with.",
    epilog="Example:\n\ndesklore sandbox --tickets 1000 --latency-ms 80 --platform both",
    invoke_without_command=True,
)


@app.callback()
def sandbox(
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the API; 0: any free one.")] = 8100,
    attachments_port: Annotated[int, typer.Option("--attachments-port", min=0, max=65535, help="Of the attachments; 0: any free one.")] = 0,
    brand_port: Annotated[int, typer.Option("--brand-port", min=0, max=65535, help="Of Zendesk's second brand; 0: any free one.")] = 0,
    tickets: Annotated[int, typer.Option("--tickets", min=1, help="How many tickets the company has.")] = 400,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same data.")] = 7,
    latency_ms: Annotated[float, typer.Option("--latency-ms", min=0, help="What every answer takes longer.")] = 0.0,
    platform: Annotated[Platform, typer.Option("--platform", help="Whose API; both serve the same company.")] = Platform.FRESHDESK,
    as_json: JsonOption = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="Stop when standard input ends.")] = False,
) -> None:
    """Serve a faithful Freshdesk or Zendesk API with believable Korean and English support data, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from sandbox.options import SandboxOptions  # noqa: PLC0415 - the sandbox's data takes time to load, and only this command needs it

    options = SandboxOptions(
        port=port, attachments_port=attachments_port, brand_port=brand_port, tickets=tickets, seed=seed, latency_ms=latency_ms
    )
    output = Output(as_json=as_json)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if with_parent:
            threading.Thread(target=_wait_for_parent, args=(loop, stop), daemon=True).start()
        async with AsyncExitStack() as stack:
            address = await _running(stack, options, platform)
            output.document(address)
            for each in filter(None, (address, address.beside)):
                _tell(output, each)
            await stop.wait()

    try:
        asyncio.run(serve())
    except OSError as error:
        raise CliError(
            Exit.FAILED, f"The sandbox can't listen on port {port}: {error.strerror}. Choose another: --port", code="port_busy"
        ) from None


@app.command("export")
def export(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where to write it.")],
    platform: Annotated[Platform, typer.Option("--platform", help="Whose export: `freshdesk` or `zendesk`.")] = Platform.FRESHDESK,
    form: Annotated[str, typer.Option("--form", help="`json` or `xml`.")] = "json",
    tickets: Annotated[int, typer.Option("--tickets", min=1, help="How many tickets the company has.")] = 400,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same data.")] = 7,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the same company's account export, as the helpdesk would, to try `desklore connections import` with."""
    from sandbox.exports import write_file  # noqa: PLC0415 - the sandbox's data takes time to load, and only this command needs it
    from sandbox.options import SandboxOptions  # noqa: PLC0415 - as above

    if form not in ("json", "xml") or platform is Platform.BOTH:
        raise CliError(Exit.USAGE, "Choose --platform freshdesk or zendesk, with --form json or xml.", code="wrong_usage")
    if file.exists() and not overwrite:
        raise CliError(Exit.USAGE, f"{file} is there already. Give another name, or say --overwrite.", code="wrong_usage")
    try:
        written = write_file(file, platform.value, form, SandboxOptions(tickets=tickets, seed=seed))
    except OSError as error:
        raise CliError(Exit.FAILED, f"{file} can't be written: {error.strerror}.", code="export_failed") from None
    output = Output(as_json=as_json)
    output.document({"file": str(file), "tickets": written, "bytes": file.stat().st_size})
    output.text(f"Wrote {written} tickets to {file}. Import them: desklore connections import CONNECTION {file}")


async def _running(stack: AsyncExitStack, options: "SandboxOptions", platform: Platform) -> SandboxAddress:
    """Start what was asked for; beside a Freshdesk the Zendesk is two ports further on."""
    from sandbox.serve import running_sandbox, running_zendesk  # noqa: PLC0415 - its data takes time to load, and only this command needs it

    zendesk = None
    if platform is not Platform.FRESHDESK:
        aside = platform is Platform.BOTH
        port = options.port + 2 if aside and options.port else options.port
        attachments_port = options.attachments_port + 2 if aside and options.attachments_port else options.attachments_port
        other = await stack.enter_async_context(running_zendesk(replace(options, port=port, attachments_port=attachments_port)))
        zendesk = SandboxAddress(
            url=other.base_url,
            attachments_url=other.attachments_url,
            api_key=other.api_key,
            platform="zendesk",
            email=other.email,
            oauth_token=options.oauth_token,
            brand_url=other.brand_url or "",
        )
        if not aside:
            return zendesk
    server = await stack.enter_async_context(running_sandbox(options))
    return SandboxAddress(url=server.base_url, attachments_url=server.attachments_url, api_key=server.api_key, beside=zendesk)


def _tell(output: Output, address: SandboxAddress) -> None:
    opens = f"its API key is {address.api_key}"
    if address.email:
        opens = f"its API token is {address.api_key}, for {address.email}"
    output.text(f"The sandbox {address.platform} answers at {address.url}; {opens}. Ctrl-C stops it.")
    if address.brand_url:
        output.text(f"The help center of its second brand is at {address.brand_url}.")
    hosts = ",".join(_host(url) for url in (address.url, address.attachments_url, address.brand_url) if url)
    output.text(f"Start Desklore with DESKLORE_CONNECTOR_HOST_ALLOWLIST={hosts}")


class SandboxProcess:
    """A sandbox in a process of its own. It ends with us, however we end: its standard input is a pipe that only we hold."""

    def __init__(self, log: Path, *, port: int = 0, tickets: int | None = None, platform: str = "freshdesk") -> None:
        command = [sys.executable, "-m", "backend.cli", "sandbox", "--json", "--with-parent", "--port", str(port)]
        command += ["--platform", platform]
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
