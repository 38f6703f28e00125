"""Where a model's client may go whose address a tenant chose."""

import gzip
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from backend.adapters.http.origin import Origin
from backend.adapters.http.reach import MOST_BYTES, Reach
from backend.core.errors import AppError, Code
from tests.adapters.scripted import Reply, Request, scripted

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1",
        "https://127.0.0.1/v1",
        "https://localhost:8443",
        "https://10.1.2.3",
        "https://[::1]/v1",
        "https://[fd00::1]/v1",
        "https://100.64.0.1/v1",
        "https://no-such-host.invalid",
        "https://user:word@example.com",
        "https://8.8.8.8/v1?key=x",
        "https://8.8.8.8/v1#x",
        "ftp://8.8.8.8",
        "8.8.8.8",
    ],
)
async def test_what_is_not_public_https_is_refused(url: str) -> None:
    with pytest.raises(AppError, match="DESKLORE_PROVIDER_HOST_ALLOWLIST") as refused:
        await Reach(frozenset()).check(url)
    assert refused.value.code is Code.HOST_NOT_ALLOWED


async def test_public_https_and_what_the_operator_lists_may_be_called() -> None:
    await Reach(frozenset()).check("https://8.8.8.8/v1")
    await Reach(frozenset({"127.0.0.1:8000"})).check("http://127.0.0.1:8000/v1")
    with pytest.raises(AppError):
        await Reach(frozenset({"127.0.0.1:8000"})).check("http://127.0.0.1:8001/v1")


async def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that point elsewhere a moment later help nobody: each call looks the name up once, and connects to what it found."""
    answers = iter(["8.8.4.4", "127.0.0.1"])

    def named(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", named)
    reach, origin = Reach(frozenset()), Origin("https", "model.example", 443)
    assert await reach.address(origin) == "8.8.4.4"
    with pytest.raises(OSError, match="public"):
        await reach.address(origin)


@LIBRARIES
async def test_a_client_does_not_connect_to_a_private_address(library: Any) -> None:
    asked: list[Request] = []

    def script(request: Request) -> Reply:
        asked.append(request)
        return Reply()

    async with scripted(script) as server, library.AsyncClient(**Reach(frozenset()).client_options(library)) as client:
        for url in (server.url, server.url.replace("http:", "https:"), server.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(library.ConnectError):
                await client.get(url)
    assert not asked


class _Local(Reach):
    """As if every name led to this machine, and that were public."""

    async def address(self, origin: Origin) -> str | None:  # noqa: ARG002 - the shape is the real one's
        return "127.0.0.1"


def _certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for this name, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(called).issuer_name(called).public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed)
    return file


@LIBRARIES
async def test_the_certificate_is_that_of_the_name(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _certificate(tmp_path, "model.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    asked: list[Request] = []

    def script(request: Request) -> Reply:
        asked.append(request)
        return Reply()

    async with scripted(script, tls=context) as server, library.AsyncClient(**_Local(frozenset()).client_options(library)) as client:
        assert (await client.get(f"https://model.example:{server.port}/v1")).json() == {}
        assert named == ["model.example"]
        assert asked[0].headers["host"] == f"model.example:{server.port}"
        async with library.AsyncClient(**_Local(frozenset()).client_options(library)) as other:
            with pytest.raises(library.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await other.get(f"https://another.example:{server.port}/v1")


@LIBRARIES
async def test_no_redirect_is_followed(library: Any) -> None:
    def script(request: Request) -> Reply:
        return Reply(302, b"", {"Location": "http://169.254.169.254/latest"}) if request.path == "/v1" else Reply()

    reach = Reach(frozenset({"127.0.0.1"}))
    async with scripted(script) as server, library.AsyncClient(**reach.client_options(library)) as client:
        assert (await client.get(f"{server.url}/v1")).status_code == 302
        assert (await client.get(f"{server.url}/other")).json() == {}


@LIBRARIES
async def test_an_answer_without_end_is_broken_off(library: Any) -> None:
    def script(request: Request) -> Reply:
        if request.path == "/packed":
            return Reply(200, gzip.compress(b"{}"), {"Content-Encoding": "gzip"})
        return Reply(200, b" " * (MOST_BYTES + 1))

    reach = Reach(frozenset({"127.0.0.1"}))
    async with scripted(script) as server, library.AsyncClient(**reach.client_options(library)) as client:
        for path, told in (("long", "more than"), ("packed", "packed")):
            with pytest.raises(library.RemoteProtocolError, match=told):
                await client.get(f"{server.url}/{path}")
        assert all(request.headers.get("accept-encoding") == "identity" for request in server.asked)
