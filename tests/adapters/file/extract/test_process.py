"""Files are read in processes that can't take the service down with them."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backend.adapters.file.extract.process import ProcessExtractor
from backend.core.errors import AppError, Code
from tests.adapters.file.extract import files

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")


others: set[int] = set()
"""Processes that read files for another test's server, which lives as long as its module."""


@pytest.fixture(autouse=True)
def _only_ours() -> None:
    others.clear()
    others.update(workers())


@pytest.fixture
async def extractor() -> AsyncIterator[ProcessExtractor]:
    made = ProcessExtractor(20, 1024, 10_000)
    yield made
    await made.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return files.pdf(tmp_path / "안내.pdf", "로그인 오류")


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A pipe that nobody writes to: whoever reads it waits for ever."""
    os.mkfifo(tmp_path / "hang.pdf")
    return tmp_path / "hang.pdf"


def workers() -> list[int]:
    """Processes of this test that read files."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
                status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if b"extract.worker" in command and status[0] != "Z" and int(status[1]) == os.getpid():
                found.append(int(folder.name))
    return [each for each in found if each not in others]


def environment_of(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # The kernel tells of processes to nobody but those who ask.
            await asyncio.sleep(0.02)


async def code_of(extractor: ProcessExtractor, path: Path) -> Code:
    with pytest.raises(AppError) as caught:
        await extractor.extract(path, path.name)
    return caught.value.code


async def test_one_process_reads_file_after_file(extractor: ProcessExtractor, good: Path, tmp_path: Path) -> None:
    assert workers() == []
    assert (await extractor.extract(good, good.name)).pieces[0].text == "로그인 오류"
    first = workers()
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 broken")
    assert await code_of(extractor, tmp_path / "bad.pdf") is Code.ATTACHMENT_UNREADABLE
    assert (await extractor.extract(good, good.name)).pieces[0].page == 1
    assert workers() == first
    assert len(first) == 1


async def test_a_reader_that_hangs_is_killed(good: Path, hanging: Path) -> None:
    extractor = ProcessExtractor(2, 1024, 1000)
    try:
        await extractor.extract(good, good.name)
        assert await code_of(extractor, hanging) is Code.ATTACHMENT_TIMED_OUT
        assert workers() == []
        assert (await extractor.extract(good, good.name)).pieces
    finally:
        await extractor.close()
    assert workers() == []


async def test_a_file_that_takes_too_much_memory(good: Path, tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"text " * 30_000_000)
    extractor = ProcessExtractor(30, 256, 200_000_000)
    try:
        assert await code_of(extractor, tmp_path / "large.txt") is Code.ATTACHMENT_TIMED_OUT
        assert (await extractor.extract(good, good.name)).pieces
    finally:
        await extractor.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGSEGV, Code.ATTACHMENT_UNREADABLE), (signal.SIGKILL, Code.ATTACHMENT_TIMED_OUT)])
async def test_a_reader_that_crashes(extractor: ProcessExtractor, good: Path, hanging: Path, number: signal.Signals, code: Code) -> None:
    reading = asyncio.create_task(code_of(extractor, hanging))
    await until(lambda: bool(workers()))
    os.kill(workers()[0], number)
    assert await reading is code
    assert (await extractor.extract(good, good.name)).pieces


async def test_cancellation_leaves_nothing_behind(extractor: ProcessExtractor, good: Path, hanging: Path) -> None:
    reading = asyncio.create_task(extractor.extract(hanging, hanging.name))
    await until(lambda: bool(workers()))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert workers() == []
    assert (await extractor.extract(good, good.name)).pieces


async def test_close_ends_what_is_being_read(extractor: ProcessExtractor, good: Path, hanging: Path) -> None:
    reading = asyncio.create_task(code_of(extractor, hanging))
    await until(lambda: bool(workers()))
    await extractor.close()
    assert await reading in (Code.ATTACHMENT_TIMED_OUT, Code.SHUTTING_DOWN)
    assert workers() == []
    assert await code_of(extractor, good) is Code.SHUTTING_DOWN


async def test_an_idle_process_ends(good: Path) -> None:
    extractor = ProcessExtractor(20, 1024, 1000, idle_seconds=0.05)
    await extractor.extract(good, good.name)
    await until(lambda: not workers())
    assert (await extractor.extract(good, good.name)).pieces
    await extractor.close()


async def test_no_more_processes_than_allowed(good: Path) -> None:
    extractor = ProcessExtractor(20, 1024, 1000, workers=2)
    extracted = await asyncio.gather(*(extractor.extract(good, good.name, ocr=False) for _ in range(6)))
    assert len(workers()) == 2
    assert {each.pieces[0].text for each in extracted} == {"로그인 오류"}
    await extractor.close()


async def test_a_reader_knows_no_secret(extractor: ProcessExtractor, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKLORE_JWT_SECRET", "never-to-be-seen")
    await extractor.extract(good, good.name)
    environment = environment_of(workers()[0])
    assert b"never-to-be-seen" not in environment
    assert b"DESKLORE" not in environment


async def test_a_process_whose_parent_is_gone_ends_and_tidies_up(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    worker = "backend.adapters.file.extract.worker"
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", worker, "1024", str(scratch), "0", stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0
    assert not scratch.exists()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed: pictures are not read")
async def test_pictures_are_read_within_the_limits(extractor: ProcessExtractor, tmp_path: Path) -> None:
    path = files.picture(tmp_path / "a.png", "Error code 4021")
    assert "4021" in (await extractor.extract(path, path.name)).pieces[0].text
