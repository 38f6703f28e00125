"""Whether the Desklore process on this machine answers, for a container without curl: `python -m tools.probe [PORT [PATH]]`."""

import http.client
import sys
from typing import Final

PATIENCE_SECONDS: Final = 4.0


def answers(port: int, path: str) -> bool:
    """Whether a GET of the path on this machine is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """0 where it answers, else 1, which is what Docker wants."""
    port, path = [*arguments, *("8000", "/health/live")[len(arguments) :]][:2]
    return 0 if answers(int(port), path) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
