"""One request: what is sent, to which addresses it may go, and how much of the answer is taken."""

import asyncio
import gzip
import socket
import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend.adapters.http.failures import InterruptedAnswerError, OversizeAnswerError, UnknownHostError
from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin
from backend.adapters.http.transport import Transport
from backend.core import clock
from backend.core.errors import AppError, Code
from tests.adapters.scripted import Reply, Scripted, scripted

ELSEWHERE = Origin("https", "acme.freshdesk.com", 443)


def at(server: Scripted, host: str = "127.0.0.1") -> Origin:
    return Origin("http", host, server.port)


async def test_sends_the_target_as_it_is_and_nothing_unasked() -> None:
    async with scripted(lambda _: Reply(headers={"Set-Cookie": "a=b"})) as server:
        transport = Transport(Guard(at(server), frozenset()))
        target = "/%EC%B2%A8%20a+b/../x?q=%2F,a:b&empty=&d=%7E"
        for _ in range(2):
            incoming = await transport.get(at(server), target, {"X-Asked": "1"})
            assert await incoming.body(100) == b"{}"
            incoming.release()
        assert [request.target for request in server.asked] == [target, target]
        assert len(server.connections) == 1
        assert transport.own_calls == 2
        assert "cookie" not in server.asked[1].headers
        assert server.asked[1].headers["host"] == server.authority
        assert server.asked[1].headers["x-asked"] == "1"
        await transport.close()


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with scripted(lambda _: Reply()) as server:
        transport = Transport(Guard(at(server), frozenset()))
        assert (await transport.get(at(server), "/", {})).status == 200
        await transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1"])
async def test_another_host_in_the_private_network_is_not_connected_to(host: str) -> None:
    async with scripted(lambda _: Reply()) as server:
        transport = Transport(Guard(ELSEWHERE, frozenset()))
        with pytest.raises(AppError) as caught:
            await transport.get(at(server, host), "/", {})
        assert caught.value.code in {Code.SOURCE_REQUEST_REFUSED, Code.SOURCE_MALFORMED}
        assert server.connections == []
        await transport.close()


async def test_the_refusal_names_the_setting() -> None:
    transport = Transport(Guard(ELSEWHERE, frozenset()))
    with pytest.raises(AppError) as caught:
        await transport.get(Origin("http", "169.254.169.254", 80), "/latest/meta-data", {})
    assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
    assert "DESKLORE_CONNECTOR_HOST_ALLOWLIST" in caught.value.message
    await transport.close()


async def test_a_public_name_for_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(lambda _: Reply()) as server:
        entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port)) for address in ("127.0.0.1", "127.0.0.2")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: entries)
        transport = Transport(Guard(ELSEWHERE, frozenset()))
        with pytest.raises(AppError) as caught:
            await transport.get(at(server, "files.example.com"), "/", {})
        assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
        assert server.connections == []
        await transport.close()


async def test_an_allowed_host_is_called_and_does_not_count_as_the_helpdesk() -> None:
    async with scripted(lambda _: Reply()) as server:
        transport = Transport(Guard(ELSEWHERE, frozenset({server.authority})))
        assert (await transport.get(at(server), "/", {})).status == 200
        assert transport.own_calls == 0
        await transport.close()


async def test_a_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    transport = Transport(Guard(ELSEWHERE, frozenset()))
    with pytest.raises(UnknownHostError):
        await transport.get(ELSEWHERE, "/", {})
    assert transport.own_calls == 0
    await transport.close()


@pytest.mark.parametrize(
    "reply",
    [Reply(body=b"x" * 101), Reply(body=gzip.compress(b"x" * 100_000), headers={"Content-Encoding": "gzip"})],
    ids=["plain", "unpacked"],
)
async def test_takes_no_more_than_the_caller_does(reply: Reply) -> None:
    async with scripted(lambda _: reply) as server:
        transport = Transport(Guard(at(server), frozenset()))
        incoming = await transport.get(at(server), "/", {})
        with pytest.raises(OversizeAnswerError):
            await incoming.body(100)
        incoming.release()
        await transport.close()


async def test_a_signed_address_of_several_kilobytes_fits() -> None:
    location = f"https://files.example.com/?token={'x' * 20_000}"
    async with scripted(lambda _: Reply(302, headers={"Location": location})) as server:
        transport = Transport(Guard(at(server), frozenset()))
        incoming = await transport.get(at(server), "/", {})
        assert (incoming.status, incoming.headers["location"]) == (302, location)
        incoming.release()
        await transport.close()


async def test_failures_do_not_carry_the_credential() -> None:
    async with scripted(lambda _: Reply(raw=b"garbage\r\n\r\n", hang_up=True)) as server:
        transport = Transport(Guard(at(server), frozenset()))
        with pytest.raises(InterruptedAnswerError) as caught:
            await transport.get(at(server), "/", {"Authorization": "Basic c2VjcmV0"})
        assert "c2VjcmV0" not in repr(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        await transport.close()


async def test_an_unknown_certificate_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_self_signed(tmp_path))
    async with server:
        own = Origin("https", "127.0.0.1", server.sockets[0].getsockname()[1])
        transport = Transport(Guard(own, frozenset()))
        with pytest.raises(ssl.SSLCertVerificationError):
            await transport.get(own, "/", {"Authorization": "Basic c2VjcmV0"})
        await transport.close()
    assert asked == []


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    both = folder / "server.pem"
    both.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


async def test_all_connections_are_closed_for_a_caller_that_is_canceled_meanwhile() -> None:
    async with scripted(lambda _: Reply()) as server:
        transport = Transport(Guard(ELSEWHERE, frozenset({server.authority})))
        assert (await transport.get(at(server), "/", {})).status == 200
        with pytest.raises(UnknownHostError):
            await transport.get(Origin("http", "localhost.invalid", 9), "/", {})
        sessions = list(transport._sessions.values())
        closing = asyncio.create_task(transport.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert len(sessions) == 2
        assert all(session.closed for session in sessions)


async def test_whoever_calls_after_the_end_opens_nothing() -> None:
    async with scripted(lambda _: Reply()) as server:
        transport = Transport(Guard(at(server), frozenset()))
        await transport.close()
        with pytest.raises(AppError) as late:
            await transport.get(at(server), "/", {})
        assert late.value.code is Code.SHUTTING_DOWN
        assert not transport._sessions
        assert not server.asked
