"""The threads of the embedded index: one writes for all tenants, one seals, some read.

A tenant's index is sealed while nobody writes to it; the tenant's writes wait for that, those of others go on. Whoever is canceled leaves
work that goes on, so a write or a sealing counts until its thread is done with it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import ParamSpec, TypeVar

from backend.core.errors import AppError, Code

T = TypeVar("T")
P = ParamSpec("P")


class _Gate:
    """Of one tenant: closed while its index is sealed."""

    def __init__(self) -> None:
        self._writes = 0
        self.open = asyncio.Event()
        self.quiet = asyncio.Event()
        self.open.set()
        self.quiet.set()

    def enter(self) -> None:
        """A write begins."""
        self._writes += 1
        self.quiet.clear()

    def leave(self) -> None:
        """A write is done."""
        self._writes -= 1
        if not self._writes:
            self.quiet.set()


class Hands:
    """Who does the work of an index; of one event loop.

    One thread writes, so that writers never fill the threads that searches need.
    """

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, "index-writer")
        self._sealer = ThreadPoolExecutor(1, "index-sealer")
        self._readers = ThreadPoolExecutor(4, "index-reader")
        self._gates: defaultdict[str, _Gate] = defaultdict(_Gate)

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what changes nothing."""
        return await asyncio.wrap_future(_submitted(self._readers, work, *args, **kwargs))

    async def write(self, company_id: str, work: Callable[[], T]) -> T:
        """Do what changes the tenant's index, one after the other, and not while it is sealed."""
        gate = self._gates[company_id]
        while not gate.open.is_set():
            await gate.open.wait()
        future = _submitted(self._writer, work)
        gate.enter()
        _afterwards(future, gate.leave)
        return await asyncio.wrap_future(future)

    async def seal(self, company_id: str, work: Callable[[], None], *, always: bool = False) -> None:
        """Seal the tenant's index once its writes are done; nothing to do where somebody does so already, unless `always`."""
        gate = self._gates[company_id]
        while not gate.open.is_set():
            if not always:
                return
            await gate.open.wait()
        gate.open.clear()
        with ExitStack() as given_up:
            given_up.callback(gate.open.set)
            await gate.quiet.wait()
            future = _submitted(self._sealer, work)
            given_up.pop_all()
        _afterwards(future, gate.open.set)
        await asyncio.wrap_future(future)

    def shutdown(self) -> None:
        """Wait for what is under way; nothing more is taken."""
        for executor in (self._writer, self._sealer, self._readers):
            executor.shutdown()


def _afterwards(future: Future[T], step: Callable[[], None]) -> None:
    """Take the step in this event loop, before those who wait for the work go on."""
    loop = asyncio.get_running_loop()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(step))


def _submitted(executor: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    try:
        return executor.submit(work, *args, **kwargs)
    except RuntimeError as error:
        # An executor that was shut down takes nothing more.
        raise AppError(Code.INDEX_UNAVAILABLE, "The search index is closed: the server is stopping.") from error
