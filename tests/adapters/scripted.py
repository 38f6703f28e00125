"""A tiny HTTP server that answers as a test tells it to: also with what no decent server would send."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in."""

    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Reply:
    """What goes out. `stated` is the Content-Length told, where it shall lie; `delay` in seconds; `hang_up` closes after it."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    stated: int | None = None
    delay: float = 0.0
    hang_up: bool = False
    raw: bytes | None = None


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer as Freshdesk sends it."""
    told = {"Content-Type": "application/json; charset=utf-8", "X-Freshdesk-Api-Version": "latest=v2; requested=v2"}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), told | named)


Script = Callable[[Request], Reply]


@dataclass
class Scripted:
    """A running server: its port, and what it was asked."""

    port: int
    asked: list[Request]
    connections: list[int]

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def authority(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.port}"


@asynccontextmanager
async def scripted(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """Serve `script` on a free port of the loopback."""
    asked: list[Request] = []
    connections: list[int] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
                request = Request(first.split(" ")[1], headers)
                asked.append(request)
                reply = script(request)
                await asyncio.sleep(reply.delay)
                writer.write(_bytes(reply))
                await writer.drain()
                if reply.hang_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield Scripted(server.sockets[0].getsockname()[1], asked, connections)
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _bytes(reply: Reply) -> bytes:
    if reply.raw is not None:
        return reply.raw
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body) if reply.stated is None else reply.stated)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | reply.headers).items())
    return f"HTTP/1.1 {reply.status} Whatever\r\n{lines}\r\n".encode("latin-1") + reply.body
