"""Where a model's client may go whose address a tenant chose: the public internet by HTTPS, or where the operator allows (SPEC D1)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import cache
from typing import Any, Final

from backend.adapters.http.guard import is_public
from backend.adapters.http.origin import Origin, is_listed, split_url
from backend.core.errors import AppError, Code

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one answer: a server that never stops would fill the memory of all."""
_LOOK_UP_SECONDS: Final = 5.0
"""So long a name may take to be found; whoever waits for more would wait for a resolver's own tries."""
_SETTING: Final = "DESKLORE_PROVIDER_HOST_ALLOWLIST"


class Reach:
    """What is called of a tenant's own choice: checked addresses only, no redirects, no proxy of the environment, bounded answers.

    Hosts of the operator's allow-list may be at any address, and speak plain HTTP.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    async def check(self, base_url: str) -> None:
        """Whether it may be called as far as can be told now; every call is checked again. Raises HOST_NOT_ALLOWED."""
        try:
            origin, target = split_url(base_url)
        except ValueError:
            raise _refused(f"{base_url!r} is not an https address") from None
        if "?" in target or "#" in base_url:
            raise _refused(f"{base_url!r} has more than a path")
        if is_listed(origin, self._allowed):
            return
        if origin.scheme != "https":
            raise _refused(f"{base_url!r} is not an https address")
        try:
            found = await _addresses(origin)
        except OSError:
            raise _refused(f"there is no host {origin.host}") from None
        if not any(map(is_public, found)):
            raise _refused(f"{origin.host} is at an address of a private network")

    def client_options(self, library: Any) -> dict[str, Any]:
        """Options of an asynchronous client of `library`, which is httpx or a library like it."""
        return {"transport": _kinds(library)[0](library, self), "follow_redirects": False, "trust_env": False}

    async def address(self, origin: Origin) -> str | None:
        """The address to connect to; None: whichever its name says. Raises OSError where there is none that may be called."""
        if is_listed(origin, self._allowed):
            return None
        found = await _addresses(origin) if origin.scheme == "https" else []
        public = next(filter(is_public, found), None)
        if public is None:
            raise OSError("not an address of the public internet")
        return public


class _Transport:
    """A transport of `library` that connects to the very address that was checked, so that no name can point elsewhere meanwhile.

    For clients of one host: connections are kept by address.
    """

    def __init__(self, library: Any, reach: Reach) -> None:
        self._library = library
        self._reach = reach
        # Of the environment it takes certificates only.
        self._behind = library.AsyncHTTPTransport()

    async def handle_async_request(self, request: Any) -> Any:
        """Send the request; raises the library's own errors."""
        url = request.url
        try:
            address = await self._reach.address(Origin(url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)))
        except OSError as error:
            raise self._library.ConnectError(str(error), request=request) from None
        # A small answer that unpacks to a large one would pass the limit.
        request.headers["accept-encoding"] = "identity"
        if address is not None:
            # The certificate is still that of the name: https://www.python-httpx.org/advanced/extensions/#sni_hostname
            request.extensions = {**request.extensions, "sni_hostname": url.host}
            request.url = url.copy_with(host=address)
        response = await self._behind.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise self._library.RemoteProtocolError("the answer is packed", request=request)
        response.stream = _kinds(self._library)[1](response.stream, self._library)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._behind.aclose()


class _Bounded:
    """The bytes of an answer, up to the limit."""

    def __init__(self, stream: Any, library: Any) -> None:
        self._stream = stream
        self._library = library

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MOST_BYTES:
                raise self._library.RemoteProtocolError(f"more than {MOST_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._stream.aclose()


@cache
def _kinds(library: Any) -> tuple[Any, Any]:
    """Transport and stream: the library takes those of its own kind only."""
    return type("Transport", (_Transport, library.AsyncBaseTransport), {}), type("Bounded", (_Bounded, library.AsyncByteStream), {})


async def _addresses(origin: Origin) -> list[str]:
    async with asyncio.timeout(_LOOK_UP_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _refused(why: str) -> AppError:
    return AppError(
        Code.HOST_NOT_ALLOWED,
        f"{why[0].upper()}{why[1:]}. A base URL is https and leads to a public address; the operator can allow another host by naming it "
        f"(`host` or `host:port`) in {_SETTING}.",
        details={"setting": _SETTING},
    )
