"""Structured log lines with the ids of the request, the tenant and the job, and without any secret.

An event is a static name with fields: `log.info("document_indexed", document_id=…)`. Fields are ids and figures, never bodies
and never a customer's text.
"""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.types import EventDict, Processor

from backend.observability.tracing import trace_ids

HIDDEN: Final = "***"
_SHORTEST_MASKED: Final = 9
_SECRET_FIELDS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "credentials",
        "jwt",
        "key_pepper",
        "master_keys",
        "passphrase",
        "password",
        "secret",
        "set-cookie",
        "token",
        "x-api-key",
    }
)
_SECRET_ENDINGS: Final = ("_secret", "_password", "_token", "api_key", "operator_key", "signing_key", "master_key", "data_key")
_QUIET: Final = {
    "uvicorn.access": logging.CRITICAL,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "openai": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "s3transfer": logging.WARNING,
    "urllib3": logging.WARNING,
}
"""Loggers of others that are too loud, or that would write whole requests; each request is logged once by `api/middleware.py`."""

_registered: set[str] = set()


def register_secret(value: str) -> None:
    """Mask this exact text in every later log line. Values of eight characters or fewer are left: they would hide plain words."""
    if len(value) >= _SHORTEST_MASKED:
        _registered.add(value)


def forget_secrets() -> None:
    """Mask no values any more: for a process that starts over with other secrets."""
    _registered.clear()


def mask(text: str) -> str:
    """The text without any registered secret, plain or as JSON would escape it."""
    for secret in _registered:
        for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            text = text.replace(form, HIDDEN)
    return text


def configure_logging(*, level: str, console: bool, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's lines to one place, as JSON or (with `console`) for people.

    `stream` is standard error by default, so that what a command prints on standard output stays clean.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _drop_colors,
        _hide_secret_fields,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_MaskingFormatter(foreign_pre_chain=shared, processors=_rendering(console=console)))
    root = logging.getLogger()
    root.handlers[:] = [old for old in root.handlers if not isinstance(old.formatter, _MaskingFormatter)] + [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(capture=True)


def _add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Which trace and span a line was written in, where there is one."""
    event.update(trace_ids())
    return event


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks the finished line: a secret in a message, a field or a traceback is the same text there."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


def _rendering(*, console: bool) -> list[Processor]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if console:
        return [clean, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    # Tracebacks are written without local variables: those hold customers' texts and keys.
    frames = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30))
    return [clean, frames, structlog.processors.JSONRenderer(serializer=_to_json)]


def _to_json(event: Any, **_: Any) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


def _drop_colors(_: Any, __: str, event: EventDict) -> EventDict:
    """Uvicorn sends each message a second time, painted for terminals."""
    event.pop("color_message", None)
    return event


def _hide_secret_fields(_: Any, __: str, event: EventDict) -> EventDict:
    return {name: HIDDEN if _is_secret(name) else _hidden_inside(value) for name, value in event.items()}


def _hidden_inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: HIDDEN if _is_secret(str(name)) else _hidden_inside(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden_inside(inner) for inner in value]
    return value


def _is_secret(field: str) -> bool:
    name = field.lower()
    return name in _SECRET_FIELDS or name.endswith(_SECRET_ENDINGS)
