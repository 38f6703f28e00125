"""Read files in processes that are limited, killed and replaced."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

import backend
from backend.adapters.file.extract.protocol import Reply, Request
from backend.core.errors import AppError, Code
from backend.core.ports.extract import Extracted

_START_SECONDS: Final = 15.0
"""A process that has just been started may need so much longer, on a machine under load."""
_FILES_PER_PROCESS: Final = 2_000
"""What leaks adds up to little by then, and to start a process takes as long as reading a hundred files."""
_IDLE_SECONDS: Final = 180.0
_PATIENCE: Final = 19
"""The niceness of a process that recognizes pictures."""
_BYTES_PER_CHAR: Final = 6
_REPLY_OVERHEAD: Final = 1_000_000
_KEPT_ENVIRONMENT: Final = ("PATH", "TESSDATA_PREFIX", "SYSTEMROOT")


class ProcessExtractor:
    """A TextExtractor with up to `workers` processes, started at the first file and ended when there are none for a while.

    `seconds` and `memory_mb` limit the reading of one file, `max_chars` the text taken from it. Files whose pictures are
    recognized have one process of their own, which stands back for everything else on the machine: it takes seconds a picture,
    and nobody waits for it.
    """

    def __init__(self, seconds: float, memory_mb: int, max_chars: int, workers: int = 1, *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._max_chars = max_chars
        self._idle_seconds = idle_seconds
        self._quick = _Lane(workers, patient=False)
        self._patient = _Lane(1, patient=True)
        self._all: set[_Worker] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def extract(self, file: Path | bytes, name: str, *, ocr: bool = True) -> Extracted:
        """The text of a file, its type decided by its bytes first and its name second; without `ocr` pictures are left.

        Raises ATTACHMENT_EMPTY, _ENCRYPTED, _UNREADABLE, _UNSUPPORTED, _TOO_LARGE, or _TIMED_OUT for too much time or memory.
        """
        request, content = self._request(file, name, ocr=ocr)
        lane = self._patient if ocr else self._quick
        async with lane.slots:
            if self._closed:
                raise AppError(Code.SHUTTING_DOWN)
            worker = await self._take(lane)
            try:
                reply = await worker.ask(request, content, self._seconds)
            finally:
                # Without its answer, by time-out or cancellation, a process is of no use to the next file.
                if worker.usable and not self._closed:
                    lane.idle.append(worker)
                    self._end_later()
                else:
                    self._all.discard(worker)
                    await worker.end()
        if reply.extracted is None:
            raise AppError(Code(reply.code), reply.message)
        return reply.extracted

    def _request(self, file: Path | bytes, name: str, *, ocr: bool) -> tuple[Request, bytes]:
        request = Request(name=name, max_chars=self._max_chars, seconds=self._seconds, ocr=ocr)
        if isinstance(file, Path):
            # The worker has a folder of its own to work in.
            return msgspec.structs.replace(request, path=str(file.absolute())), b""
        return msgspec.structs.replace(request, size=len(file)), file

    async def close(self) -> None:
        """Kill all processes and wait until they are gone; files being read raise."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._quick.idle.clear()
        self._patient.idle.clear()
        workers, self._all = list(self._all), set()
        await asyncio.gather(*(worker.end() for worker in workers), *self._ending)

    async def _take(self, lane: "_Lane") -> "_Worker":
        while lane.idle:
            worker = lane.idle.pop()
            if worker.usable:
                return worker
            self._all.discard(worker)
            await worker.end()
        worker = _Worker(self._memory_mb, self._max_chars, patient=lane.patient)
        self._all.add(worker)
        return worker

    def _end_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_idle)

    def _end_idle(self) -> None:
        """Give back the memory of processes that nobody needed for a while."""
        for lane in (self._quick, self._patient):
            for worker in lane.idle:
                self._all.discard(worker)
                task = asyncio.ensure_future(worker.end())
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
            lane.idle.clear()


class _Lane:
    """Places for files of one kind, and the processes that wait for the next one."""

    def __init__(self, workers: int, *, patient: bool) -> None:
        self.slots = asyncio.Semaphore(workers)
        self.idle: list[_Worker] = []
        self.patient = patient


class _Worker:
    """One process, started at its first request; a patient one leaves the processor to everybody else."""

    def __init__(self, memory_mb: int, max_chars: int, *, patient: bool = False) -> None:
        self._memory_mb = memory_mb
        self._niceness = _PATIENCE if patient else 0
        self._reply_bytes = max_chars * _BYTES_PER_CHAR + _REPLY_OVERHEAD
        self._process: asyncio.subprocess.Process | None = None
        self._scratch: str | None = None
        self._files = 0
        self._answered = False

    @property
    def usable(self) -> bool:
        """It has answered what it was asked, runs, and has not read so many files that leaks add up."""
        running = self._process is not None and self._process.returncode is None
        return self._answered and running and self._files < _FILES_PER_PROCESS

    async def ask(self, request: Request, content: bytes, seconds: float) -> Reply:
        """The answer to a request. Raises ATTACHMENT_TIMED_OUT or _UNREADABLE where there is none."""
        if self._process is None:
            seconds += _START_SECONDS
        self._answered = False
        try:
            async with asyncio.timeout(seconds):
                process = self._process or await self._start()
                line = await self._exchange(process, request, content)
                if not line:
                    await process.wait()
                    raise _crashed(request.name, process.returncode or 0)
        except TimeoutError as error:
            raise AppError(Code.ATTACHMENT_TIMED_OUT, f"Reading {request.name} took longer than {request.seconds:g} seconds.") from error
        reply = msgspec.json.decode(line, type=Reply)
        self._files += 1
        # Out of memory, it answers and ends.
        self._answered = reply.code != Code.ATTACHMENT_TIMED_OUT
        return reply

    async def end(self) -> None:
        """Kill it with all it has started, and wait until it is gone."""
        process, self._process = self._process, None
        try:
            if process is not None:
                # The group: tesseract runs as a process of the worker.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        finally:
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)
                self._scratch = None

    async def _start(self) -> asyncio.subprocess.Process:
        self._scratch = tempfile.mkdtemp(prefix="desklore-extract-")
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        # No other variable is passed on: secrets live in the environment, and what is read here is hostile.
        environment |= {
            "PYTHONPATH": str(Path(str(backend.__file__)).parent.parent),
            "TMPDIR": self._scratch,
            "HOME": self._scratch,
            "LANG": "C.UTF-8",
            "OMP_THREAD_LIMIT": "1",
        }
        self._process = await asyncio.create_subprocess_exec(  # Only our own module and numbers: nothing of the file is an argument.
            sys.executable,
            "-m",
            "backend.adapters.file.extract.worker",
            str(self._memory_mb),
            self._scratch,
            str(self._niceness),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd=self._scratch,
            start_new_session=True,
            limit=self._reply_bytes,
        )
        return self._process

    @staticmethod
    async def _exchange(process: asyncio.subprocess.Process, request: Request, content: bytes) -> bytes:
        """A line for a line; nothing where the process died."""
        if process.stdin is None or process.stdout is None:
            return b""
        try:
            process.stdin.write(msgspec.json.encode(request) + b"\n" + content)
            await process.stdin.drain()
            return await process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError):
            return b""


def _crashed(name: str, returncode: int) -> AppError:
    """SIGKILL comes from the machine running out of memory; any other end is a reader that broke on the file."""
    if returncode == -signal.SIGKILL:
        return AppError(Code.ATTACHMENT_TIMED_OUT, f"Reading {name} took too much memory.")
    return AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: its reader broke.")
