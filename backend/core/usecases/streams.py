"""Streamed answers that belong to the server and not to a connection: begun, read again, canceled (SPEC G3)."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, Final

import msgspec

from backend.core import ids
from backend.core.errors import AppError, Code
from backend.core.model.auth import TenantCaller
from backend.core.model.groups import covers
from backend.core.model.stream import Event, Stream, StreamState
from backend.core.ports.services import Services
from backend.core.ports.streams import StreamWriter

DRAIN_SECONDS: Final = 5.0
"""So long answers under way may go on when the server stops."""
_LAST: Final = frozenset({"done", "error"})
"""A stream's last event is one of these."""
_BUSY_SECONDS: Final = 2.0


class Answering:
    """The answers that this process writes, bounded in number and time. `close` lets them end, or ends them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._most = services.policy.answers_at_once
        self._by_company: Counter[str] = Counter()
        self._answers: dict[asyncio.Task[None], _Answer] = {}
        self._closed = False

    async def start(self, caller: TenantCaller, events: AsyncGenerator[Event], told: Callable[[AppError], Event]) -> str:
        """Write these events from now on, whoever reads them; returns the stream's id once the first one is there.

        `told` makes an event of an error. Raises what fails before the first event, RATE_LIMITED where too many are being written,
        and SHUTTING_DOWN.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self._place(caller.company_id))
            stack.push_async_callback(events.aclose)
            first = await anext(events)
            stream, answer = (
                Stream(stream_id=ids.new_id("stream"), owner=_owner(caller), scopes=caller.scopes, groups=caller.groups),
                _Answer(told),
            )
            writer = await self._services.streams.begin(caller.company_id, stream, lambda: answer.stop(Code.ANSWER_CANCELED))
            writer.append(Event(name="stream", data=msgspec.json.encode({"stream_id": stream.stream_id})))
            held = stack.pop_all()
        task = asyncio.create_task(self._write(answer, writer, _all(first, events), held))
        self._answers[task] = answer
        if self._closed:
            answer.stop(Code.SHUTTING_DOWN)
        task.add_done_callback(self._answers.pop)
        return stream.stream_id

    async def resume(self, caller: TenantCaller, stream_id: str, after: int) -> AsyncGenerator[Event] | None:
        """The events after this one, and those to come; None where it has ended and there are none.

        Raises STREAM_NOT_FOUND unless this caller, with no less rights than now, began it.
        """
        state = await self._own(caller, stream_id)
        self._services.meter.count("streams_resumed")
        if state.ended and after >= state.last:
            return None
        return self._services.streams.read(caller.company_id, stream_id, after)

    async def cancel(self, caller: TenantCaller, stream_id: str) -> StreamState:
        """Stop writing; how it stood before. One that has ended is left as it is. Raises STREAM_NOT_FOUND likewise."""
        state = await self._own(caller, stream_id)
        if not state.ended:
            await self._services.streams.cancel(caller.company_id, stream_id)
        return state

    async def close(self, seconds: float = DRAIN_SECONDS) -> None:
        """Begin nothing more, let what is under way go on for a while, then stop it; each says so to its readers."""
        self._closed = True
        if self._answers:
            await asyncio.wait([*self._answers], timeout=seconds)
        for answer in self._answers.values():
            answer.stop(Code.SHUTTING_DOWN)
        await asyncio.gather(*self._answers, return_exceptions=True)

    async def _own(self, caller: TenantCaller, stream_id: str) -> StreamState:
        state = await self._services.streams.look(caller.company_id, stream_id)
        if state is None or state.stream.owner != _owner(caller) or not _may_read(caller, state.stream):
            raise AppError(Code.STREAM_NOT_FOUND)
        return state

    @contextlib.contextmanager
    def _place(self, company_id: str) -> Iterator[None]:
        """One of the places for answers that are written at once; a company has half of them at most."""
        if self._closed:
            raise AppError(Code.SHUTTING_DOWN)
        if self._by_company.total() >= self._most or self._by_company[company_id] >= max(1, self._most // 2):
            busy = "Too many answers are being written at once; ask again in a moment."
            raise AppError(Code.RATE_LIMITED, busy, retry_after=_BUSY_SECONDS)
        self._change(company_id, +1)
        try:
            yield
        finally:
            self._change(company_id, -1)

    def _change(self, company_id: str, by: int) -> None:
        self._by_company[company_id] += by
        if not self._by_company[company_id]:
            del self._by_company[company_id]
        self._services.meter.level("streams_writing", self._by_company.total())

    async def _write(self, answer: "_Answer", writer: StreamWriter, events: AsyncGenerator[Event], held: contextlib.AsyncExitStack) -> None:
        async with held:
            try:
                outcome = await answer.write(writer, events, self._services.policy.answer_seconds)
                self._services.meter.count("streams_written", outcome=outcome)
            finally:
                await writer.end()


class _Answer:
    """One answer that is being written, and what stops it."""

    def __init__(self, told: Callable[[AppError], Event]) -> None:
        self._told = told
        self._stopped: asyncio.Future[Code] = asyncio.get_running_loop().create_future()

    def stop(self, code: Code) -> None:
        """Write no more, for this reason; the first one counts."""
        if not self._stopped.done():
            self._stopped.set_result(code)

    async def write(self, writer: StreamWriter, events: AsyncGenerator[Event], seconds: float) -> str:
        """Write all events, or as many as come until it is stopped and an error that says why; returns how it ended."""
        doing = asyncio.ensure_future(_written(writer, events))
        either: list[asyncio.Future[Any]] = [doing, self._stopped]
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The call of the model ends now; what it cost is booked before this returns.
            doing.cancel()
            await asyncio.wait({doing})
        failed = doing.cancelled() or doing.exception() is not None
        if not failed and doing.result():
            return doing.result()
        code = Code.INTERNAL if not doing.cancelled() else self._stopped.result() if self._stopped.done() else Code.ANSWER_TIMED_OUT
        writer.append(self._told(AppError(code)))
        return code.value


async def _all(first: Event, others: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    yield first
    async for event in others:
        yield event


async def _written(writer: StreamWriter, events: AsyncGenerator[Event]) -> str:
    """Write them to the last one; returns its name, or nothing where they end without one."""
    async with contextlib.aclosing(events):
        async for event in events:
            writer.append(event)
            if event.name in _LAST:
                return event.name
    return ""


def _owner(caller: TenantCaller) -> str:
    """The key, and where it is a token made from it, who holds that; or the helpdesk's agent."""
    return msgspec.json.encode([caller.key_id, caller.helpdesk, caller.subject]).decode()


def _may_read(caller: TenantCaller, stream: Stream) -> bool:
    """Whether the caller has all the rights that the answer was written with, and may see every ticket it could rest on."""
    return stream.scopes <= caller.scopes and covers(caller.groups, stream.groups)
