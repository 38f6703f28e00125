"""While one tenant's index is sealed its own writes wait, and nobody else's."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from backend.core.errors import AppError, Code
from backend.storage.qdrant.hands import Hands


@pytest.fixture
async def hands() -> AsyncIterator[Hands]:
    made = Hands()
    yield made
    await asyncio.to_thread(made.shutdown)


class _Held:
    """Work that tells when it began and ends when it may."""

    def __init__(self, done: list[str], name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = done
        self._name = name
        self.began = asyncio.Event()
        self.may_end = threading.Event()

    def __call__(self) -> None:
        self._loop.call_soon_threadsafe(self.began.set)
        self.may_end.wait(30)
        self._done.append(self._name)


def _noting(done: list[str], name: str) -> None:
    done.append(name)


async def _writing(hands: Hands, done: list[str]) -> tuple[_Held, asyncio.Task[None]]:
    """A write that has begun and ends when it may."""
    writing = _Held(done, "written")
    task = asyncio.create_task(hands.write("acme", writing))
    await writing.began.wait()
    return writing, task


async def test_others_write_while_one_index_is_sealed(hands: Hands) -> None:
    done: list[str] = []
    sealing = _Held(done, "sealed")
    sealed = asyncio.create_task(hands.seal("acme", sealing))
    await sealing.began.wait()
    own = asyncio.create_task(hands.write("acme", lambda: _noting(done, "acme")))
    await hands.write("globex", lambda: _noting(done, "globex"))
    await hands.seal("acme", lambda: _noting(done, "sealed twice"))
    assert await hands.read(lambda: 5) == 5
    sealing.may_end.set()
    await asyncio.gather(sealed, own)
    assert done == ["globex", "sealed", "acme"]


async def test_an_index_is_sealed_when_its_writes_are_done(hands: Hands) -> None:
    done: list[str] = []
    writing, written = await _writing(hands, done)
    sealed = asyncio.create_task(hands.seal("acme", lambda: _noting(done, "sealed")))
    later = asyncio.create_task(hands.write("acme", lambda: _noting(done, "written later")))
    writing.may_end.set()
    await asyncio.gather(written, sealed, later)
    assert done == ["written", "sealed", "written later"]


async def test_whoever_no_longer_waits_does_not_let_others_in(hands: Hands) -> None:
    done: list[str] = []
    sealing = _Held(done, "sealed")
    writing, written = await _writing(hands, done)
    written.cancel()
    sealed = asyncio.create_task(hands.seal("acme", sealing))
    await asyncio.wait([written])
    assert not sealing.began.is_set()
    writing.may_end.set()
    await sealing.began.wait()
    sealed.cancel()
    await asyncio.wait([sealed])
    own = asyncio.create_task(hands.write("acme", lambda: _noting(done, "acme")))
    await hands.write("globex", lambda: _noting(done, "globex"))
    sealing.may_end.set()
    await own
    assert done == ["written", "globex", "sealed", "acme"]


async def test_whoever_gives_up_before_it_is_sealed_leaves_nothing_closed(hands: Hands) -> None:
    done: list[str] = []
    writing, written = await _writing(hands, done)
    sealed = asyncio.create_task(hands.seal("acme", lambda: _noting(done, "sealed")))
    later = asyncio.create_task(hands.write("acme", lambda: _noting(done, "written later")))
    await asyncio.sleep(0)
    sealed.cancel()
    writing.may_end.set()
    await asyncio.gather(written, later)
    assert done == ["written", "written later"]


async def test_nothing_is_taken_any_more_after_the_end(hands: Hands) -> None:
    hands.shutdown()
    with pytest.raises(AppError, match="closed") as caught:
        await hands.write("acme", lambda: None)
    assert caught.value.code is Code.INDEX_UNAVAILABLE
    with pytest.raises(AppError, match="closed"):
        await hands.seal("acme", lambda: None)
