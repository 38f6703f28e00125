"""Whose CPU time it was: each step of each task is timed and credited to the stage the task is in."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Coroutine, Generator
from contextvars import Context, ContextVar
from types import TracebackType
from typing import Any, Final

OTHER: Final = "other"
"""The account of what is in no stage."""

_stage: ContextVar[str] = ContextVar("stage", default=OTHER)


class StageClock(threading.local):
    """The CPU seconds of this thread by stage; each thread has accounts of its own.

    `stage` blocks of concurrent tasks overlap, so the difference between a block's end and its beginning would count what
    other tasks did in between. With `watch` each task's steps are timed one by one instead. Without it, a
    second still counts once, but where tasks take turns it may go to the wrong one of their stages.
    """

    def __init__(self) -> None:
        self._mark = time.thread_time()
        self._spent: dict[str, float] = defaultdict(float)

    def enter(self, name: str) -> str:
        """Begin a stage in the present task; returns the one it is in now, for `leave`."""
        self.settle(_stage.get())
        before = _stage.get()
        _stage.set(name)
        return before

    def leave(self, before: str) -> None:
        """End the stage that began last in the present task."""
        self.settle(_stage.get())
        _stage.set(before)

    def restart(self) -> None:
        """Forget the time since the last settlement: it belonged to nobody that is watched."""
        self._mark = time.thread_time()

    def settle(self, name: str) -> None:
        """Credit the time since the last settlement."""
        now = time.thread_time()
        self._spent[name] += now - self._mark
        self._mark = now

    def take(self) -> dict[str, float]:
        """What was credited since the last call."""
        spent, self._spent = self._spent, defaultdict(float)
        return spent

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Time each step of every task that the loop makes from now on (about a microsecond a step)."""

        def make(on: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None, **options: Any) -> asyncio.Task[Any]:
            timed = _Timed(coro, self) if asyncio.iscoroutine(coro) else coro
            return asyncio.Task(timed, loop=on, context=context, **options)

        loop.set_task_factory(make)


class _Timed(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are timed; in everything else it is the one it holds."""

    __slots__ = ("_clock", "_coro")

    def __init__(self, coro: Coroutine[Any, Any, Any], clock: StageClock) -> None:
        self._coro = coro
        self._clock = clock

    def send(self, value: Any) -> Any:
        """One step."""
        self._clock.restart()
        try:
            return self._coro.send(value)
        finally:
            self._clock.settle(_stage.get())

    def throw(self, kind: Any, value: Any = None, _: TracebackType | None = None) -> Any:
        """One step that begins with an exception, such as a cancellation."""
        self._clock.restart()
        try:
            return self._coro.throw(kind if value is None else value)
        finally:
            self._clock.settle(_stage.get())

    def close(self) -> None:
        """End it."""
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coro.__await__()

    def __repr__(self) -> str:
        return repr(self._coro)

    def __getattr__(self, name: str) -> Any:
        # Debuggers and uvloop look at cr_frame, cr_code and the like.
        return getattr(self._coro, name)
