"""The whole product in one process: API, workers and index behind one port, on the main thread or beside it."""

import asyncio
import contextlib
import importlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from backend.cli.errors import CliError, Exit
from backend.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

_STOP_SECONDS = 5
"""How long requests under way may still take; a stream can be read again."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at the address: taken before anything is built, so that a busy port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends small answers at once only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise CliError(
            Exit.FAILED,
            f"Port {port} of {host} can't be used ({error.strerror}). Stop what uses it, or choose another: DESKLORE_PORT={port + 1}",
            code="port_busy",
        ) from None
    listener.setblocking(False)
    return listener


def preload() -> None:
    """Load what a server needs, for a caller that has to wait for something else anyway."""
    importlib.import_module("backend.runtime")


class Server:
    """Desklore at one socket. `serve` runs until `stop`, which any thread may call."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, on_ready: Callable[[], None]) -> None:
        """Build everything, answer requests, and on `stop` let go of everything in order."""
        # Imported here because these bring the whole house: other commands start in a tenth of the time without it.
        from backend.runtime import build  # noqa: PLC0415

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runtime = await build(self._settings)
        runtime.built.meter.clock.watch(self._loop)
        server = _uvicorn(runtime.app, on_ready)
        try:
            await runtime.start()
            await _serve_until(self._stopping, server, self._listener)
        finally:
            await runtime.close()
            self._listener.close()

    def stop(self) -> None:
        """End `serve` when what is under way is answered; does nothing before it began."""
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)


class WorkerProcess:
    """Desklore's jobs without its API, and with a `listener` an answer to probes. `serve` runs until `stop`."""

    def __init__(self, settings: Settings, listener: socket.socket | None = None) -> None:
        self._settings = settings
        self._listener = listener
        self._stopping = asyncio.Event()

    async def serve(self, on_ready: Callable[[], None]) -> None:
        """Build everything, run jobs, and on `stop` hand back what runs."""
        from backend.runtime import build_worker  # noqa: PLC0415 - as above

        work = await build_worker(self._settings)
        work.built.meter.clock.watch(asyncio.get_running_loop())
        try:
            await work.start()
            if self._listener is None:
                on_ready()
                await self._stopping.wait()
            else:
                await _serve_until(self._stopping, _uvicorn(work.probes(), on_ready), self._listener)
        finally:
            await work.close()
            if self._listener is not None:
                self._listener.close()

    def stop(self) -> None:
        """End `serve`; for the thread it runs on."""
        self._stopping.set()


async def _serve_until(stopping: asyncio.Event, server: "uvicorn.Server", listener: socket.socket) -> None:
    """Answer at the socket until it is to stop, then what is under way."""
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    server.should_exit = True
    await serving


def run_until_signal(server: "Server | WorkerProcess", on_ready: Callable[[], None]) -> None:
    """Serve on the main thread until Ctrl-C or a polite kill, both of which end cleanly."""

    from backend.runtime import relax_collector  # noqa: PLC0415 - it loads the whole product, which other commands are spared

    async def main() -> None:
        relax_collector()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve(on_ready)

    with _event_loop() as runner:
        runner.run(main())


class ServerThread:
    """Serves beside the main thread, which talks to it over HTTP as anybody would."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ready = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desklore-server")
        self._served: Future[None] | None = None

    def start(self) -> None:
        """Return when it is ready; raise what kept it from getting ready."""
        self._served = self._pool.submit(self._run)
        while not self._ready.wait(0.02):
            if self._served.done():
                self._served.result()
                raise CliError(Exit.FAILED, "The server stopped before it was ready; its log says why.", code="server_stopped")

    def wait(self, seconds: float) -> bool:
        """Wait so long; whether it still runs. Raises what ended it."""
        with contextlib.suppress(TimeoutError):
            if self._served is not None:
                self._served.result(seconds)
        return self._served is not None and not self._served.done()

    def stop(self) -> None:
        """Stop it and wait until everything is let go of."""
        self._server.stop()
        self._pool.shutdown()

    def _run(self) -> None:
        with _event_loop() as runner:
            runner.run(self._server.serve(self._ready.set))


def _uvicorn(app: "FastAPI", on_ready: Callable[[], None]) -> "uvicorn.Server":
    """A uvicorn server that leaves signals to us: it would raise them once more after a clean end."""
    import uvicorn  # noqa: PLC0415 - only a server needs it

    from backend.cli.protocol import BoundedHttp  # noqa: PLC0415 - likewise

    class Signalless(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return Signalless(config)


def _event_loop() -> asyncio.Runner:
    import uvloop  # noqa: PLC0415 - only a server needs it

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
