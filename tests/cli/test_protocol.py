"""Requests that don't come to their point are let go of: heads without end, and such that never become whole."""

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from backend.cli import protocol
from tests.cli.conftest import World

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def connect(world: World) -> Callable[[], socket.socket]:
    """A new connection to the server."""
    at = urlsplit(world.url)
    return lambda: socket.create_connection((at.hostname or "", at.port or 0), timeout=30)


def _all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_head_has_a_size(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        connection.sendall(LIVE + b"X-Long: " + b"a" * (protocol.HEAD_BYTES - 200) + b"\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
    with connect() as connection:
        connection.sendall(LIVE + b"X-Long: " + b"a" * protocol.HEAD_BYTES)
        assert _all(connection).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_head_has_a_time(connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    for said in (b"", LIVE, LIVE + b"\r\n" + LIVE):
        with connect() as connection:
            connection.sendall(said)
            assert _all(connection).count(b"HTTP/1.1 200") == said.count(b"\r\n\r\n"), "whoever said nothing more was let go of"


def test_a_body_and_the_next_request_are_no_head(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        for _ in range(2):
            connection.sendall(b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000)
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 40"), answer
            assert b"too large" not in answer


def test_there_are_no_web_sockets(connect: Callable[[], socket.socket]) -> None:
    with connect() as connection:
        connection.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 401")
        assert b"x-content-type-options" in answer.lower()
