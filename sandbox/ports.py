"""A vendor's double on two ports of this machine: one for its API and one for its files."""

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import uvicorn

from sandbox.data.account import Account
from sandbox.hooks import Hooks
from sandbox.listener import Listener
from sandbox.options import SandboxOptions
from sandbox.stats import Stats


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever started it: two of them share a process, and tests have their own handlers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leave = asyncio.Event()

    def leave(self) -> None:
        """Stop now; a client that still holds a connection must not keep a test waiting."""
        self.should_exit = self.force_exit = True
        self._leave.set()

    async def main_loop(self) -> None:
        """Tick ten times a second, but wake at once when told to stop."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leave.wait(), 0.1)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Addresses(Protocol):
    """Where the API and the files are, known once the ports are bound."""

    api_base: str
    files_base: str


class Served(Protocol):
    """What is served on two ports, whatever the vendor: an account, who counts and calls for it, and where it is found."""

    @property
    def account(self) -> Account:
        """The made-up company."""

    @property
    def stats(self) -> Stats:
        """What clients did."""

    @property
    def hooks(self) -> Hooks:
        """Who is told of changes."""

    @property
    def links(self) -> Addresses:
        """Where both ports are."""


S = TypeVar("S", bound=Served)
T = TypeVar("T", bound="TwoPorts[Any]")


class Ports:
    """Two ports of this machine, served until they are stopped."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self._servers: list[_Server] = []
        self._tasks: list[asyncio.Task[None]] = []

    def _bind(self, *further: int) -> tuple[list[socket.socket], list[str]]:
        """Both ports, and further ones, and their addresses. A busy one raises OSError."""
        options = self.options
        sockets: list[socket.socket] = []
        try:
            sockets.extend(_bind(options.host, port) for port in (options.port, options.attachments_port, *further))
        except OSError:
            for bound in sockets:
                bound.close()
            raise
        host = options.public_host or ("127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host)  # noqa: S104 - compared, not bound
        return sockets, [f"http://{host}:{sock.getsockname()[1]}" for sock in sockets]

    async def _serve(self, listeners: Iterable[Listener[Any]], sockets: Iterable[socket.socket]) -> None:
        """Serve, one listener a port; returns once both do."""
        for listener, sock in zip(listeners, sockets, strict=True):
            server = _Server(_config(listener))
            self._servers.append(server)
            self._tasks.append(asyncio.create_task(server.serve(sockets=[sock])))
        while not all(server.started for server in self._servers):
            await asyncio.sleep(0.005)
            for task in self._tasks:
                if task.done():
                    task.result()

    async def stop(self) -> None:
        """End all connections and free the ports."""
        for server in self._servers:
            server.leave()
        await asyncio.gather(*self._tasks)

    async def wait(self) -> None:
        """Serve until the task is cancelled."""
        await asyncio.gather(*self._tasks)


class TwoPorts(Ports, ABC, Generic[S]):
    """A vendor's API and its file store, each on a port of this machine."""

    def __init__(self, options: SandboxOptions, site: S) -> None:
        super().__init__(options)
        self.site = site

    @property
    def account(self) -> Account:
        """The truth: everything a client could find out, the same company on every platform."""
        return self.site.account

    @property
    def stats(self) -> Stats:
        """What clients did so far."""
        return self.site.stats

    @property
    def base_url(self) -> str:
        """The account's address; the API is below `/api/v2`."""
        return self.site.links.api_base

    @property
    def attachments_url(self) -> str:
        """The address of the file store."""
        return self.site.links.files_base

    @property
    def api_key(self) -> str:
        """The key of an administrator, or the account's API token."""
        return self.options.api_key

    @property
    def control_key(self) -> str:
        """The value of the `X-Sandbox-Control` header for `/_sandbox/` requests."""
        return self.options.control_key

    @abstractmethod
    def _listeners(self) -> tuple[Listener[Any], ...]:
        """What answers at the API's port, what at the files', and what at further ones."""

    def _further(self) -> tuple[int, ...]:
        """The ports of further listeners."""
        return ()

    def _found_at(self, addresses: list[str]) -> None:
        """Where everything is, once the ports are bound."""
        self.site.links.api_base, self.site.links.files_base = addresses[:2]

    async def start(self) -> None:
        """Bind the ports (a busy one raises OSError) and serve."""
        sockets, addresses = self._bind(*self._further())
        self._found_at(addresses)
        await self._serve(self._listeners(), sockets)

    async def stop(self) -> None:
        """Call nobody any more, end all connections and free the ports."""
        await self.site.hooks.close()
        await super().stop()


def account_of(options: SandboxOptions) -> Account:
    """The made-up company; equal options give equal companies, whatever the vendor."""
    return Account(seed=options.seed, tickets=options.tickets, reference=options.reference, name=options.company_name)


def _bind(host: str, port: int) -> socket.socket:
    # The protocol has to be named: without it asyncio leaves Nagle's algorithm on, and every answer waits 40 ms for an ACK.
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(512)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _config(listener: Listener[Any]) -> uvicorn.Config:
    return uvicorn.Config(
        listener,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        http="httptools",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
    )


@contextlib.asynccontextmanager
async def serving(server: T) -> AsyncIterator[T]:
    """A server that lives as long as the block."""
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
