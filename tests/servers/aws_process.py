"""The process of the AWS double: serves at a free port, writes its URL to a file, and ends when the test run is gone.

Arguments: the file, and the id of the process whose end ends it.
"""

import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Leave the caller at once and serve in a process of one's own."""
    told, run = Path(sys.argv[1]), int(sys.argv[2])
    if os.fork():
        return
    os.setsid()
    log = os.open(f"{told}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (0, 1, 2):
        os.dup2(log, standard)
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    half = told.with_suffix(".half")
    half.write_text(f"http://{host}:{port}", encoding="utf-8")
    half.replace(told)
    while _lives(run):
        time.sleep(0.5)
    os._exit(0)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
