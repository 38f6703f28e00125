"""Log lines: one JSON object each, with ids, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from backend.observability.logging import configure_logging, forget_secrets, mask, register_secret

KEY = 'fd-"시크릿"-0123456789'


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(level="INFO", console=False, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    forget_secrets()


def _read(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object_with_the_ids_of_its_context(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="req_1", company_id="acme"):
        structlog.get_logger("backend.core").info("document_indexed", document_id="d1", chunks=3, title="환불 요청")
    structlog.get_logger("backend.core").info("later")
    first, second = _read(lines)
    assert first["event"] == "document_indexed"
    assert (first["request_id"], first["company_id"], first["chunks"], first["title"]) == ("req_1", "acme", 3, "환불 요청")
    assert first["level"] == "info"
    assert str(first["timestamp"]).endswith("Z")
    assert "request_id" not in second


def test_the_standard_library_goes_the_same_way_and_access_lines_are_off(lines: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("disk %s is slow", "sda")
    logging.getLogger("uvicorn.access").info("GET /api/v1/query")
    logging.getLogger("httpx").info("HTTP Request: GET https://acme.freshdesk.com")
    (line,) = _read(lines)
    assert (line["event"], line["logger"]) == ("disk sda is slow", "somebody.else")


def test_values_of_secret_fields_are_not_written(lines: io.StringIO) -> None:
    structlog.get_logger().info(
        "connected", api_key="short", nested={"Authorization": "Basic eHg=", "list": [{"jwt": "a.b.c"}]}, input_tokens=7, key_id="key_1"
    )
    (line,) = _read(lines)
    assert line["api_key"] == "***"
    assert line["nested"] == {"Authorization": "***", "list": [{"jwt": "***"}]}
    assert (line["input_tokens"], line["key_id"]) == (7, "key_1")


def test_a_registered_secret_is_masked_in_fields_messages_and_tracebacks(lines: io.StringIO) -> None:
    register_secret(KEY)
    register_secret("eight888")
    log = structlog.get_logger()
    log.info("tried", url=f"https://x/{KEY}", word="eight888")
    logging.getLogger("library").error("bad key %s", KEY)
    try:
        raise ValueError(f"refused {KEY}")
    except ValueError:
        log.exception("failed")
    text = lines.getvalue()
    assert KEY not in text
    assert "0123456789" not in text
    first, second, third = _read(lines)
    assert first["url"] == "https://x/***"
    assert first["word"] == "eight888"
    assert second["event"] == "bad key ***"
    assert "refused ***" in json.dumps(third["exception"])


def test_locals_of_a_traceback_are_not_written(lines: io.StringIO) -> None:
    def fail() -> None:
        body = "고객의 글"
        raise RuntimeError(str(len(body)))

    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("failed")
    assert "고객의 글" not in lines.getvalue()


def test_lines_below_the_level_are_dropped(lines: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    assert lines.getvalue() == ""


def test_console_lines_are_masked_too(capsys: pytest.CaptureFixture[str], lines: io.StringIO) -> None:
    register_secret(KEY)
    stream = io.StringIO()
    configure_logging(level="INFO", console=True, stream=stream)
    structlog.get_logger().info("tried", given=KEY)
    assert "tried" in stream.getvalue()
    assert KEY not in stream.getvalue()


def test_mask_leaves_other_text_alone() -> None:
    assert mask("로그인 오류") == "로그인 오류"
