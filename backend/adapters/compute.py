"""Pure functions in worker processes: the event loop stays free, and a second core is used."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar

from backend.core.errors import AppError, Code

P = ParamSpec("P")
T = TypeVar("T")
Call = Callable[[], Any]

_IDLE_SECONDS: Final = 30.0
"""Processes nobody needed for so long are ended, which gives their memory back."""
_GARBAGE_AFTER: Final = 100_000
"""Objects more than there were, before a process looks for garbage."""
_LEAST: Final = 4
"""Fewer calls than this are not worth a trip to another process."""


class ProcessCompute:
    """Compute over `workers` processes, started at the first larger piece of work; with 0 all is done right here.

    Calls made in the same turn of the event loop travel together, so that a trip is paid once for a batch.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: list[tuple[Call, asyncio.Future[Any]]] = []
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work`; what it raises is raised here."""
        call = partial(work, *args, **kwargs)
        if not self._workers:
            return call()
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append((call, result))
        return await result

    async def run_whole(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a large piece of work, which makes a trip of its own; what it raises is raised here."""
        call = partial(work, *args, **kwargs)
        if not self._workers:
            return call()
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._submit([(call, result)])
        return await result

    async def close(self) -> None:
        """End the processes; calls under way are canceled."""
        self._end_pool()

    def _send(self) -> None:
        """Send what has gathered, in as many parts as there are processes."""
        calls, self._waiting = self._waiting, []
        calls = [(call, result) for call, result in calls if not result.done()]
        if len(calls) < _LEAST:
            for call, result in calls:
                _settle(result, _outcome(call))
            return
        size = -(-len(calls) // self._workers)
        for start in range(0, len(calls), size):
            self._submit(calls[start : start + size])

    def _submit(self, calls: Sequence[tuple[Call, asyncio.Future[Any]]]) -> None:
        loop = asyncio.get_running_loop()
        results = [result for _, result in calls]
        if self._timer is not None:
            self._timer.cancel()
        try:
            future = self._ready_pool().submit(_run_all, [call for call, _ in calls])
        except (OSError, RuntimeError):
            # No process can be had (no memory, too many processes, one that just died): slower here is better than not at all.
            self._end_pool()
            for call, result in calls:
                _settle(result, _outcome(call))
            return
        self._under_way += 1
        future.add_done_callback(partial(self._tell, loop, results))

    def _tell(self, loop: asyncio.AbstractEventLoop, results: Sequence[asyncio.Future[Any]], done: Future[list["_Outcome"]]) -> None:
        """In the pool's thread. Whoever closed the loop meanwhile waits for nothing any more."""
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._arrived, done, results)

    def _arrived(self, done: Future[list["_Outcome"]], results: Sequence[asyncio.Future[Any]]) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._end_pool)
        failure = asyncio.CancelledError() if done.cancelled() else done.exception()
        if failure is not None:
            # The process died, by itself or for want of memory: the next call gets a new one.
            self._end_pool()
            if isinstance(failure, BrokenProcessPool):
                failure = AppError(Code.WORKER_DIED)
            outcomes: Sequence[_Outcome] = [(None, failure)] * len(results)
        else:
            outcomes = done.result()
        for result, outcome in zip(results, outcomes, strict=True):
            _settle(result, outcome)

    def _ready_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._workers, mp_context=_Context(), initializer=_begin)
        return self._pool

    def _end_pool(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


class _Helper(SpawnProcess):
    """A new process that imports what it is asked to run, and nothing else.

    Spawning would import this process's main program first, the whole server: a second of processor and twice the memory.
    """

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - multiprocessing's name
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return SpawnProcess._Popen(process_obj)  # noqa: SLF001 - what is replaced here
        finally:
            sys.modules["__main__"] = main


class _Context(SpawnContext):
    """Fork would copy threads and sockets of this process into a state nobody can rely on."""

    Process = _Helper


_Outcome = tuple[Any, BaseException | None]


def _run_all(calls: Sequence[Call]) -> list[_Outcome]:
    """In the worker: every call's result or what it raised."""
    return [_outcome(call) for call in calls]


def _outcome(call: Call) -> _Outcome:
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is of the one who asked for this call
        return None, error


def _settle(result: asyncio.Future[Any], outcome: _Outcome) -> None:
    value, error = outcome
    if result.done():
        return
    if error is None:
        result.set_result(value)
    elif isinstance(error, asyncio.CancelledError):
        result.cancel()
    else:
        result.set_exception(error)


def _begin() -> None:
    """In the worker: end when the parent does, even if it was killed and could not say so; Ctrl-C is for the parent."""
    # What a batch makes goes with it and holds no circles: looking for some every few hundred objects takes a sixth of the time.
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(0)
