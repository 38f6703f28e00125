"""The process that reads files: `python -m backend.adapters.file.extract.worker MEMORY_MB SCRATCH NICENESS`.

It takes a request a line on its standard input, some with a file's bytes behind it, and answers each with a line,
until the input ends. What it reads is hostile: its memory is limited before the first byte, and its parent kills it
when it hangs. The folder SCRATCH is its own.
"""

import contextlib
import math
import os
import resource
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from backend.adapters.file.extract.protocol import Reply, Request
from backend.adapters.file.extract.read import read_file
from backend.core.errors import AppError, Code

_FILES_MAX: Final = 128
_FILE_BYTES_MAX: Final = 512 * 1024 * 1024
_ORPHAN_GRACE: Final = 15


def main() -> int:
    """Serve requests until the input ends. Ends by itself after running out of memory, since what is left is unknown."""
    memory_mb, scratch, niceness = sys.argv[1:]
    os.nice(int(niceness))
    # pytesseract loads it where it is installed, and nothing here computes with it: most of the time a picture's reader takes to start.
    sys.modules["numpy"] = None  # type: ignore[assignment]
    _limit(int(memory_mb) * 1024 * 1024)
    answers = _own_output()
    requests = msgspec.json.Decoder(Request)
    for line in sys.stdin.buffer:
        request = requests.decode(line)
        # Our parent ends us in time; should it be dead itself, the alarm does.
        signal.alarm(math.ceil(request.seconds) + _ORPHAN_GRACE)
        with _file_of(request, Path(scratch)) as path:
            reply, alive = _read(path, request)
        signal.alarm(0)
        answers.write(msgspec.json.encode(reply) + b"\n")
        answers.flush()
        if not alive:
            return 1
    # The input ends when our parent is gone, killed perhaps, with nobody left to tidy up.
    shutil.rmtree(scratch, ignore_errors=True)
    return 0


@contextlib.contextmanager
def _file_of(request: Request, scratch: Path) -> Iterator[Path]:
    """The file to read: readers want one that has a place, so bytes that came by themselves are written down first."""
    if request.path:
        yield Path(request.path)
        return
    path = scratch / "file"
    path.write_bytes(sys.stdin.buffer.read(request.size))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _read(path: Path, request: Request) -> tuple[Reply, bool]:
    """The reply, and whether this process may go on."""
    try:
        extracted = read_file(path, request.name, max_chars=request.max_chars, seconds=request.seconds, ocr=request.ocr)
    except AppError as error:
        return Reply(code=error.code.value, message=error.message), True
    except MemoryError:
        return Reply(code=Code.ATTACHMENT_TIMED_OUT.value, message=f"Reading {request.name} took too much memory."), False
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything; a bug in one is a damaged file to us
        return Reply(code=Code.ATTACHMENT_UNREADABLE.value, message=f"{request.name} can't be read: {type(error).__name__}."), True
    return Reply(extracted=extracted), True


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES_MAX, _FILES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES_MAX, _FILE_BYTES_MAX))
    # macOS knows this limit by name only; there the time limit has to do.
    with contextlib.suppress(*((ValueError, OSError) if sys.platform == "darwin" else ())):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _own_output() -> BinaryIO:
    """Keep standard output for answers: what a library prints goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


if __name__ == "__main__":
    sys.exit(main())
