"""Work beside the event loop: the same results, errors that reach their caller, processes that die and don't stay."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from backend.adapters.compute import ProcessCompute
from backend.core.errors import AppError, Code
from backend.core.text.size import estimate_tokens


@pytest.fixture(params=[0, 2])
async def compute(request: pytest.FixtureRequest) -> AsyncIterator[ProcessCompute]:
    made = ProcessCompute(request.param)
    yield made
    await made.close()


def refuse(number: int) -> int:
    """Raise our own error, with all it carries, for odd numbers."""
    if number % 2:
        raise AppError(Code.SUMMARY_INVALID, f"{number} is odd", retry_after=1.5, details={"n": number})
    return number


def process_id(_: int) -> int:
    return os.getpid()


async def test_results_come_in_the_order_of_the_calls(compute: ProcessCompute) -> None:
    texts = [f"로그인 오류 {number}" * number for number in range(20)]
    assert await asyncio.gather(*(compute.run(estimate_tokens, text) for text in texts)) == [estimate_tokens(text) for text in texts]


async def test_an_error_reaches_only_its_caller(compute: ProcessCompute) -> None:
    results = await asyncio.gather(*(compute.run(refuse, number) for number in range(8)), return_exceptions=True)
    assert results[::2] == [0, 2, 4, 6]
    errors = [error for error in results[1::2] if isinstance(error, AppError)]
    assert [(error.code, error.retry_after, error.details) for error in errors] == [
        (Code.SUMMARY_INVALID, 1.5, {"n": number}) for number in (1, 3, 5, 7)
    ]


async def test_a_process_that_was_killed_is_replaced() -> None:
    compute = ProcessCompute(1)
    first = set(await asyncio.gather(*(compute.run(process_id, number) for number in range(8))))
    assert os.getpid() not in first
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.2)
    results = await asyncio.gather(*(compute.run(process_id, number) for number in range(8)), return_exceptions=True)
    if any(isinstance(result, AppError) and result.code is Code.WORKER_DIED for result in results):
        # The call that met the dead process fails; the next one has a new process.
        results = await asyncio.gather(*(compute.run(process_id, number) for number in range(8)))
    assert set(results).isdisjoint(first)
    await compute.close()


async def test_a_large_piece_of_work_goes_by_itself() -> None:
    compute = ProcessCompute(1)
    assert await compute.run_whole(process_id, 0) != os.getpid()
    with pytest.raises(AppError, match="3 is odd"):
        await compute.run_whole(refuse, 3)
    await compute.close()


def main_program(_: int) -> str | None:
    return getattr(sys.modules["__main__"], "__file__", None)


async def test_a_process_does_not_load_the_program_that_asked() -> None:
    compute, asking = ProcessCompute(1), sys.modules["__main__"]
    assert await compute.run_whole(main_program, 0) is None
    assert sys.modules["__main__"] is asking
    await compute.close()
