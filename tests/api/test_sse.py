"""Event streams over a real socket: heartbeats, errors after the start, and readers who leave."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from backend.api.errors import install_error_handlers
from backend.api.sse import EventStream, OpenStreams, event_of, event_stream
from backend.core.errors import AppError, Code
from backend.core.model.stream import Event
from backend.observability.metrics import NullMeter

Events = Callable[[], AsyncGenerator[Event]]


@contextlib.asynccontextmanager
async def _served(events: Events, heartbeat: float = 15) -> AsyncIterator[str]:
    """The address of a server with the one stream."""
    app = FastAPI()
    install_error_handlers(app)
    streams = OpenStreams(NullMeter())

    @app.get("/", response_class=EventStream)
    async def stream(request: Request) -> EventStream:
        return await event_stream(events(), request_id="req_1", streams=streams, heartbeat=heartbeat)

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def test_heartbeats_keep_a_silent_stream_alive() -> None:
    release = asyncio.Event()

    async def slow() -> AsyncGenerator[Event]:
        yield event_of("token", {"text": "가"})
        await release.wait()
        yield event_of("done", {})

    async with _served(slow, heartbeat=0.02) as url, httpx.AsyncClient() as client, client.stream("GET", url) as response:
        lines = []
        async for line in response.aiter_lines():
            lines.append(line)
            if line.startswith(":"):
                release.set()
    assert lines[:4] == ["id: 1", "event: token", 'data: {"text":"가"}', ""]
    assert ": heartbeat" in lines
    assert lines[-4:] == ["id: 2", "event: done", "data: {}", ""]


async def test_what_fails_before_the_first_event_has_a_status() -> None:
    async def fails() -> AsyncGenerator[Event]:
        nothing: tuple[Event, ...] = ()
        for event in nothing:
            yield event
        raise AppError(Code.LLM_UNAVAILABLE)

    async with _served(fails) as url, httpx.AsyncClient() as client:
        response = await client.get(url)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "llm_unavailable")


@pytest.mark.parametrize(("error", "code"), [(AppError(Code.STORAGE_FULL), "storage_full"), (RuntimeError("secret"), "internal")])
async def test_what_fails_later_is_the_last_event(error: Exception, code: str) -> None:
    async def fails() -> AsyncGenerator[Event]:
        yield event_of("token", {"text": "a"})
        raise error

    async with _served(fails) as url, httpx.AsyncClient() as client:
        text = (await client.get(url)).text
    assert text.strip().splitlines()[-2] == "event: error"
    assert f'"code":"{code}"' in text
    assert "secret" not in text


async def test_a_reader_who_leaves_ends_the_work() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[Event]:
        try:
            yield event_of("token", {"text": "a"})
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with _served(endless) as url:
        async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
            await anext(response.aiter_lines())
        await asyncio.wait_for(ended.wait(), 10)
