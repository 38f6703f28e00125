"""What is logged while something is done, as a server logs it."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from backend.observability.logging import configure_logging, forget_secrets


@contextmanager
def heard(level: str = "DEBUG") -> Iterator[io.StringIO]:
    """The lines; behind it, logging is as it was before."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, before = root.handlers[:], root.level
    configure_logging(level=level, console=False, stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)
        logging.captureWarnings(capture=False)
        forget_secrets()
